/** The balancer sends a call again only where the contract says that this has no effect. */

import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { ConnectorService } from "../../../src/gen/connector/v1/service_pb.js";
import { read } from "./files.ts";

const configuration = read("deploy/haproxy/haproxy.cfg");

test("the RPCs that it repeats are those without side effects", () => {
  const paths = [...configuration.matchAll(/^\s+acl reads path (.*)$/gm)].flatMap(([, list = ""]) => list.split(" "));
  const harmless = ConnectorService.methods
    .filter(({ idempotency }) => idempotency === Level.NO_SIDE_EFFECTS)
    .map(({ name }) => `/${ConnectorService.typeName}/${name}`);
  expect(paths.toSorted()).toEqual(harmless.toSorted());
});

test("it repeats what was begun for reads alone", () => {
  const [, others = ""] = configuration.split(/^backend others$/m);
  expect(others).not.toContain("retry-on");
  const [, reads = ""] = /^backend reads$([\s\S]*?)^backend/m.exec(configuration) ?? [];
  expect(reads).toContain("retry-on conn-failure empty-response");
  const [, defaults = ""] = /^defaults$([\s\S]*?)^frontend/m.exec(configuration) ?? [];
  expect(/retry-on (.*)/.exec(defaults)?.[1]).toBe("conn-failure");
});
