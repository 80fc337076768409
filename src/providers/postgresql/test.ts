/** Tests a connection step by step, and says what is wrong and how to mend it. */
import type { Call, SessionContext, TestReport } from "../contract.ts";
import { testSource } from "../sql/testing.ts";
import { type Login, SourceConnection } from "./connection.ts";
import { classify } from "./errors.ts";
import { readPrivileges } from "./privileges.ts";
import { openSocket } from "./socket.ts";

export function testConnection(
  login: Login,
  password: string,
  context: Pick<SessionContext, "dial" | "places" | "refuseRiskyPrivileges">,
  call: Call,
): Promise<TestReport> {
  return testSource(
    {
      upstream: "postgresql",
      login,
      async open(dial, encrypted) {
        const source = await openSocket(login, dial, call.signal);
        const { socket } = source;
        encrypted("getProtocol" in socket ? (socket.getProtocol() ?? "") : "");
        // What stops a statement takes a way of its own.
        return SourceConnection.authenticate(source, login, password, context.dial, call.signal);
      },
      privileges: readPrivileges,
      classify: (error) => classify(error, login),
    },
    context,
    call,
  );
}
