import { expect, test } from "vitest";
import { createTurns } from "../../../../src/providers/http/openapi/turns.ts";

const never = new AbortController().signal;

/** Work that ends when the test says so, and the order in which it began. */
function scene() {
  const turns = createTurns();
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (tenant: string, name: string, signal: AbortSignal = never) =>
    turns.take(tenant, signal, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  /** Ends what runs, and gives what runs then. */
  const end = async () => {
    const count = begun.length;
    ends.get(begun.at(-1) ?? "")?.();
    await expect.poll(() => begun.length).toBe(count + 1);
    return begun.at(-1);
  };
  return { ask, begun, ends, end };
}

test("tenants take turns, however many each of them waits for", async () => {
  const { ask, begun, end } = scene();
  const asked = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"].map((name) => ask(name.charAt(0), name));
  expect(begun).toEqual(["a1"]);
  for (let i = 1; i < asked.length; i++) await end();
  expect(begun).toEqual(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
});

test("who leaves the line has no turn, and keeps nobody from theirs", async () => {
  const { ask, begun, end } = scene();
  const leaving = new AbortController();
  void ask("a", "a1");
  const left = ask("b", "b1", leaving.signal);
  void ask("c", "c1");
  leaving.abort(new Error("the caller has left"));
  await expect(left).rejects.toThrow("the caller has left");
  await expect(ask("d", "d1", leaving.signal)).rejects.toThrow("the caller has left");
  expect(await end()).toBe("c1");
  expect(begun).toEqual(["a1", "c1"]);
});

test("work that fails ends its turn, and an empty line begins anew", async () => {
  const turns = createTurns();
  const failing = turns.take("a", never, () => Promise.reject(new Error("no good")));
  const next = turns.take("a", never, async () => "good");
  await expect(failing).rejects.toThrow("no good");
  expect(await next).toBe("good");
  expect(await turns.take("b", never, async () => "again")).toBe("again");
});
