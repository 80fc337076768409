/** The balancer sends a call again only where the contract says that this has no effect. */

import { getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { ConnectorService } from "../../../src/gen/connector/v1/service_pb.js";
import { http } from "../../../src/gen/google/api/annotations_pb.js";
import type { HttpRule } from "../../../src/gen/google/api/http_pb.js";
import { read } from "./files.ts";

const configuration = read("deploy/haproxy/haproxy.cfg");

test("the RPCs that it repeats are those without side effects", () => {
  const paths = [...configuration.matchAll(/^\s+acl reads path (.*)$/gm)].flatMap(([, list = ""]) => list.split(" "));
  const harmless = ConnectorService.methods
    .filter(({ idempotency }) => idempotency === Level.NO_SIDE_EFFECTS)
    .map(({ name }) => `/${ConnectorService.typeName}/${name}`);
  expect(paths.toSorted()).toEqual(harmless.toSorted());
});

/** Of a method's REST paths those that are posted to, with a name for each variable. */
function posted({ pattern, additionalBindings }: HttpRule): string[] {
  const own = pattern.case === "post" ? [pattern.value.replaceAll(/\{[^}]*\}/g, "x")] : [];
  return [...own, ...additionalBindings.flatMap(posted)];
}

test("the REST paths that it repeats are the same RPCs'", () => {
  const [, expression = ""] = /^\s+acl reads path_reg (\S+)$/m.exec(configuration) ?? [];
  const wrong = ConnectorService.methods.flatMap((method) => {
    const isRepeated = (path: string) => new RegExp(expression).test(path);
    const isHarmless = method.idempotency === Level.NO_SIDE_EFFECTS;
    return posted(getOption(method, http)).filter((path) => isRepeated(path) !== isHarmless);
  });
  expect(wrong).toEqual([]);
});

test("it repeats what was begun for reads alone", () => {
  const [, others = ""] = configuration.split(/^backend others$/m);
  expect(others).not.toContain("retry-on");
  const [, reads = ""] = /^backend reads$([\s\S]*?)^backend/m.exec(configuration) ?? [];
  expect(reads).toContain("retry-on conn-failure empty-response");
  const [, defaults = ""] = /^defaults$([\s\S]*?)^frontend/m.exec(configuration) ?? [];
  expect(/retry-on (.*)/.exec(defaults)?.[1]).toBe("conn-failure");
});
