import { testFilters } from "../sql/filter-meaning.ts";
import { testPages } from "../sql/page-meaning.ts";
import { postgresql } from "./engine.ts";

testFilters(postgresql);
testPages(postgresql);
