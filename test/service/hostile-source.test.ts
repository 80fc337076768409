/** What listens at a connector's port is no PostgreSQL, or means harm. */
import type { Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { int32, message, row, textFields } from "../providers/postgresql/rogue.ts";
import { rogueServer } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { newConnector } from "./overrides.ts";
import { allRows, cities, expectAllAsBefore, refusalOf } from "./refusal.ts";
import { failedCheck } from "./report.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(cities);
});
afterEach(() => expectAllAsBefore(source));
afterAll(() => source.stop());

const password = "correct horse battery staple";

/** A connector to a server that does this with each connection. */
async function connectorToRogue(serve: (socket: Socket) => void, tls = "disable"): Promise<string> {
  const rogue = await rogueServer((socket) => {
    socket.resume();
    serve(socket);
  });
  onTestFinished(() => rogue.stop());
  return newConnector(source, { port: rogue.port, tls, password });
}

const hugeHead = (letter: string) => Buffer.concat([Buffer.from(letter), int32(2 ** 31 - 1)]);
const welcome = Buffer.concat([message("R", int32(0)), message("Z", "I")]);
/** All that comes before the rows of a statement: a transaction, settings, the description of one field. */
const untilRows = Buffer.concat([
  ...[message("1"), message("2"), message("C", "BEGIN\0")],
  ...[message("1"), message("2"), row("x"), message("C", "SELECT 1\0")],
  ...[message("1"), message("2"), textFields("n")],
]);

/** Lets anybody in, and answers whatever is asked then with this. */
const answering = (answer: Buffer) => (socket: Socket) => {
  socket.once("data", () => {
    socket.write(welcome);
    socket.on("data", () => socket.write(answer));
  });
};

/** Writes the same for as long as somebody reads. */
const flooding = (bytes: Buffer) => (socket: Socket) => {
  const pour = () => {
    while (socket.writable && socket.write(bytes));
  };
  socket.on("drain", pour);
  pour();
};

type Answers = [what: string, serve: (socket: Socket) => void][];

async function expectRefused(id: string, expected: object, check: string): Promise<void> {
  const { client } = source;
  const refusal = await refusalOf(client.query(id, { resource: "city" }));
  expect(refusal).toMatchObject(expected);
  expect(await refusalOf(allRows(client.stream(id, { resource: "city" })))).toEqual(refusal);
  const { reason, remedy } = refusal;
  expect(failedCheck(await client.testConnector(id))).toMatchObject({ name: check, reason, remedy });
}

describe("a server that closes the connection is lost", () => {
  const lost = { code: "Unavailable", reason: "UPSTREAM_LOST", where: "upstream" };
  const ways: Answers = [
    ["politely", (socket) => socket.end()],
    ["at once", (socket) => socket.destroy()],
    ["with a reset", (socket) => socket.once("data", () => socket.resetAndDestroy())],
    ["after the first question", (socket) => socket.once("data", () => socket.end())],
  ];
  test.each(ways)("%s", async (_how, serve) => {
    await expectRefused(await connectorToRogue(serve), lost, "authenticate");
    await expectRefused(await connectorToRogue(serve, "verify_full"), lost, "tls");
  });
});

describe("a server that does not speak PostgreSQL's protocol is told to be none", () => {
  const none = { code: "FailedPrecondition", reason: "CONFIGURATION_REJECTED", where: "connector" };
  const answers: Answers = [
    ["HTTP", (socket) => socket.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")],
    ["zeros", (socket) => socket.write(Buffer.alloc(1_000))],
    ["ones", (socket) => socket.write(Buffer.alloc(1_000, 255))],
    ["the greeting of a MySQL server", (socket) => socket.write("I\0\0\0\n8.4.0\0\x08\0\0\0")],
    ["an error without an end", (socket) => socket.write(message("E", "SFATAL\0Mno end in sight\0"))],
    ["a notice without any NUL", (socket) => socket.write(message("N", "x".repeat(100)))],
    ["a message of 2 GiB", (socket) => socket.write(hugeHead("N"))],
    ["rows before anybody has asked", flooding(message("D", "\0\x01", int32(1), "x"))],
    [
      "the second step of a login without the first",
      (socket) => socket.write(message("R", int32(11), "r=x,s=eA==,i=1")),
    ],
    ["a way to log in that does not exist", (socket) => socket.write(message("R", int32(99)))],
    ["an endless run of letters", flooding(Buffer.alloc(65_536, "E"))],
  ];
  test.each(answers)("%s", async (_what, serve) => {
    await expectRefused(await connectorToRogue(serve), none, "authenticate");
  });

  test("HTTP, when asked for TLS", async () => {
    const serve = (socket: Socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    await expectRefused(await connectorToRogue(serve, "verify_full"), none, "tls");
  });
});

describe("a server that lets anybody in and breaks the protocol then is lost", () => {
  const lost = { code: "Unavailable", reason: "UPSTREAM_LOST", where: "upstream" };
  test.each<[string, Buffer]>([
    ["text", Buffer.from("nonsense from the server")],
    ["an unknown message", message("y", "x")],
    ["an error without an end", message("E", "SFATAL\0Mno end in sight\0")],
    ["a description of more fields than it holds", message("T", "\x7f\xff", "n\0")],
    ["a huge notice", hugeHead("N")],
    ["data to copy", message("d", "one\n")],
    ["a wish for data to copy", message("G", "\0\0\x01\0\0")],
    ["the end before the beginning", message("Z", "I")],
    ["rows that nobody has described", row("x")],
    ["a row of more cells than it has fields", Buffer.concat([untilRows, row("x", "y")])],
    ["a row of another length than it says", Buffer.concat([untilRows, message("D", "\0\x01", int32(9), "short")])],
  ])("%s", async (_what, answer) => {
    await expectRefused(await connectorToRogue(answering(answer)), lost, "query");
  });

  test("a row of 2 GiB is refused as too large before any of it is kept", async () => {
    const id = await connectorToRogue(answering(Buffer.concat([untilRows, hugeHead("D")])));
    const refusal = await refusalOf(source.client.query(id, { resource: "city" }));
    expect(refusal).toMatchObject({ code: "ResourceExhausted", reason: "TOO_LARGE", where: "upstream" });
  });
});

describe("a server that never stops talking is ended by the deadline, and kept in bounds", () => {
  const notice = message("N", "SNOTICE\0", `M${"x".repeat(4_000)}\0`, "\0");
  const talk: Answers = [
    ["before it lets anybody in", flooding(Buffer.concat(Array.from({ length: 16 }, () => notice)))],
    [
      "instead of an answer",
      (socket) =>
        socket.once("data", () => {
          socket.write(welcome);
          flooding(Buffer.concat(Array.from({ length: 16 }, () => notice)))(socket);
        }),
    ],
    [
      "in one row",
      (socket) =>
        socket.once("data", () => {
          socket.write(welcome);
          socket.once("data", () => {
            socket.write(Buffer.concat([untilRows, Buffer.from("D"), int32(60 * 2 ** 20)]));
            flooding(Buffer.alloc(65_536, "x"))(socket);
          });
        }),
    ],
  ];
  test.each(talk)("%s", async (_when, serve) => {
    const connectorId = await connectorToRogue(serve);
    const before = memory();
    const query = { source: { case: "resource" as const, value: "city" } };
    const took = stopwatch();
    const refusal = await refusalOf(
      source.client.rpc.query({ connectorId, query }, { headers: { "connect-timeout-ms": "1000" } }),
    );
    expect(took()).toBeLessThan(1_200);
    expect(refusal.reason).toMatch(/^(DEADLINE_EXCEEDED|UPSTREAM_LOST)$/);
    // What earlier attempts have left may not have been collected yet.
    expect(memory() - before).toBeLessThan(160 * 2 ** 20);
  });
});

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe("a server that asks for the credential", () => {
  test("in clear text gets no byte of it", async () => {
    const heard: Buffer[] = [];
    const id = await connectorToRogue((socket) => {
      socket.on("data", (chunk: Buffer) => heard.push(chunk));
      socket.once("data", () => socket.write(message("R", int32(3))));
    });
    await expectRefused(
      id,
      {
        code: "FailedPrecondition",
        reason: "CREDENTIAL_REJECTED",
        where: "credential",
        message: expect.stringContaining("clear text"),
        remedy: expect.stringContaining("scram-sha-256"),
      },
      "authenticate",
    );
    const text = Buffer.concat(heard).toString("latin1");
    expect(text).toContain("connector-service");
    for (const encoding of ["utf8", "hex", "base64"] as const) {
      expect(text).not.toContain(Buffer.from(password).toString(encoding).replace(/=+$/, ""));
    }
  });

  test.each([
    ["by Kerberos", 7],
    ["by SSPI", 9],
  ])("%s is told that a password is all there is", async (_how, request) => {
    const id = await connectorToRogue((socket) => socket.write(message("R", int32(request), "x")));
    const rejected = { code: "FailedPrecondition", reason: "CREDENTIAL_REJECTED", where: "credential" };
    await expectRefused(id, rejected, "authenticate");
  });

  test("with more rounds of hashing than any server needs is refused", async () => {
    const id = await connectorToRogue((socket) => {
      socket.once("data", () => {
        socket.write(message("R", int32(10), "SCRAM-SHA-256\0", "\0"));
        socket.once("data", (chunk) => {
          const [nonce] = /r=[^,]+/.exec(chunk.toString("latin1")) ?? [];
          socket.write(message("R", int32(11), `${nonce}more,s=c2FsdA==,i=2000000000`));
        });
      });
    });
    const rejected = { code: "FailedPrecondition", reason: "CREDENTIAL_REJECTED", where: "credential" };
    await expectRefused(id, rejected, "authenticate");
  });
});
