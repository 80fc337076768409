/** What `npm run e2e` takes, and what it says of the rest. */
import { expect, test } from "vitest";
import { readArguments } from "./given.ts";

const deployed = ["--url", "https://connectors.example.com/"];

test("a service, its key and its sources are taken as they are written", () => {
  const given = readArguments([...deployed, "--source", "postgres://u:p@db/shop", "--source", "mysql://u:p@db/shop"], {
    E2E_KEY: "csk.a.b",
  });
  expect(given.deployed).toEqual({ url: "https://connectors.example.com", key: "csk.a.b" });
  expect(given.sources.map(({ protocol }) => protocol)).toEqual(["postgres:", "mysql:"]);
  expect(readArguments([], {}).deployed).toBeUndefined();
});

test.each([
  ["an unknown argument", ["--ulr", "https://a"], "--ulr"],
  ["a service without a key", deployed, "--key"],
  ["what is no URL", ["--url", "localhost:8080", "--key", "k"], "--url"],
  ["a source of another kind", ["--source", "redis://u:s3cret@db/0"], "--source"],
  ["a source without a user", ["--source", "postgres://db/shop"], "--source"],
  ["an authority that is not there", [...deployed, "--key", "k", "--ca", "/nowhere.pem"], "--ca"],
  ["metrics without a service", ["--metrics", "http://a/metrics"], "--metrics"],
])("%s is refused by its name, and no password is repeated", (_, args, name) => {
  const reading = () => readArguments(args, {});
  expect(reading).toThrow(name);
  expect(reading).not.toThrow("s3cret");
});
