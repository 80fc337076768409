import { testFilters } from "../sql/filter-meaning.ts";
import { testPages } from "../sql/page-meaning.ts";
import { mariadb } from "./engine.ts";

testFilters(mariadb);
testPages(mariadb);
