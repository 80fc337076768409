/** Tests a connection step by step, and says what is wrong and how to mend it. */
import type { Call, SessionContext, TestReport } from "../contract.ts";
import { testSource } from "../sql/testing.ts";
import { SourceConnection } from "./connection.ts";
import { classify } from "./errors.ts";
import { type Login, openWire } from "./login.ts";
import { readPrivileges } from "./privileges.ts";

export function testConnection(
  login: Login,
  password: string,
  context: Pick<SessionContext, "dial" | "places" | "refuseRiskyPrivileges">,
  call: Call,
): Promise<TestReport> {
  return testSource(
    {
      upstream: "mysql",
      login,
      async open(dial, encrypted) {
        const plain = login.tls === "disable";
        const dialled: typeof dial = async (...target) => {
          const socket = await dial(...target);
          // What the server does not say then is its greeting, and no encryption's fault.
          if (plain) encrypted("");
          return socket;
        };
        const greeted = await openWire(login, dialled, call.signal);
        if (!plain) encrypted(greeted.wire.tls);
        // What stops a statement takes a way of its own.
        return SourceConnection.authenticate(greeted, login, password, context.dial, call.signal);
      },
      privileges: readPrivileges,
      classify: (error) => classify(error, login),
    },
    context,
    call,
  );
}
