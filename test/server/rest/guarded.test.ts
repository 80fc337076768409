/** What nobody has foreseen while REST answers is a problem as others are, and heard of. */
import { expect, test } from "vitest";
import type { Fault } from "../../../src/rpc/failure.ts";
import { serve } from "../serving.ts";

test("an answer that JSON can't say is an internal problem, told with its cause and the same id", async () => {
  const faults: { cause: unknown; fault: Fault }[] = [];
  // Protobuf's binary format has it, and its JSON ends with the year 9999.
  const createTime = { seconds: 10n ** 15n };
  const { url } = await serve({
    service: { getConnector: () => ({ connector: { id: "c1", createTime } }) },
    onInternal: (cause, fault) => faults.push({ cause, fault }),
  });
  const response = await fetch(`${url}/api/connectors/c1`);
  const problem = (await response.json()) as { metadata: { call_id: string } };
  expect({ type: response.headers.get("content-type"), problem }).toMatchObject({
    type: "application/problem+json",
    problem: { status: 500, reason: "INTERNAL", detail: expect.not.stringContaining("Timestamp") },
  });
  const { call_id: requestId } = problem.metadata;
  expect(faults).toMatchObject([
    {
      cause: { message: expect.stringContaining("Timestamp") },
      fault: { requestId, method: "GET /api/connectors/c1" },
    },
  ]);
});
