/** What a server that asks for the password gets of it. */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { createDial } from "../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../src/egress/policy.ts";
import { SourceConnection } from "../../../src/providers/postgresql/connection.ts";
import type { TlsMode } from "../../../src/providers/sql/socket.ts";
import { certificateAuthority } from "../../support/certificate.ts";
import { rogueServer } from "../../support/service.ts";
import { int32, message, welcome } from "./rogue.ts";

const password = "correct horse battery staple";
const salt = "salt";
const asks = {
  clearText: message("R", int32(3)),
  md5: message("R", int32(5), salt),
};
/** What PostgreSQL means by MD5 (its manual, "Message Flow", AuthenticationMD5Password). */
const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const answerToMd5 = `md5${md5(md5(`${password}u`) + salt)}`;

const authority = certificateAuthority();
const dial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] }));

/** Asks as it is told to and lets in whoever answers; gives what it has heard, and what became of the caller. */
async function login(question: Buffer, tls: TlsMode) {
  let heard = "";
  const ask = (socket: Socket) => {
    socket
      .on("error", () => {})
      .on("data", (chunk: Buffer) => {
        const isAnswer = chunk[0] === "p".charCodeAt(0);
        heard += chunk.toString("latin1");
        socket.write(isAnswer ? welcome : question);
      });
  };
  const rogue = await rogueServer((socket) => {
    if (tls === "disable") return ask(socket);
    socket.once("data", () => {
      socket.write("S");
      ask(new TLSSocket(socket, { isServer: true, ...authority.issue() }));
    });
  });
  onTestFinished(() => rogue.stop());
  const target = { host: "127.0.0.1", port: rogue.port, database: "d", user: "u", tls, ca: authority.cert };
  const opening = SourceConnection.open(target, password, dial, new AbortController().signal);
  const outcome = await opening.then(
    (connection) => {
      connection.close();
      return "let in";
    },
    (error: unknown) => error,
  );
  return { heard, outcome };
}

const refused = { kind: "credential_rejected", where: "credential", upstream: "postgresql" };

describe("in clear text", () => {
  test.each(["disable", "verify_full"] as const)("gets nothing (TLS: %s)", async (tls) => {
    const { heard, outcome } = await login(asks.clearText, tls);
    expect(outcome).toMatchObject({ ...refused, remedy: expect.stringContaining("scram-sha-256") });
    expect(heard).not.toContain(password);
  });
});

describe("as an MD5", () => {
  test("gets nothing without TLS, and is told how to ask", async () => {
    const { heard, outcome } = await login(asks.md5, "disable");
    expect(outcome).toMatchObject({ ...refused, remedy: expect.stringMatching(/password_encryption.*verify_full/) });
    expect(heard).toContain("connector-service");
    expect(heard).not.toMatch(/md5|[0-9a-f]{32}/);
  });

  test.each(["verify_full", "verify_ca"] as const)("gets it when it has shown who it is (TLS: %s)", async (tls) => {
    const { heard, outcome } = await login(asks.md5, tls);
    expect(outcome).toBe("let in");
    expect(heard).toContain(answerToMd5);
  });
});
