/** OpenAPI documents that a source publishes itself. */
import { Failure } from "../../../failure.ts";
import type { Call } from "../../contract.ts";
import type { HttpClient } from "../exchange.ts";
import { maxDocumentBytes } from "./reading.ts";

const accept =
  "application/openapi+json, application/openapi+yaml, application/json, application/yaml, text/yaml, */*;q=0.1";

/**
 * The text of a document.
 *
 * @param client One that may be asked for it: where the document is of another origin than the
 *   API, a client without the API's credential.
 * @throws Failure as `HttpClient.send`; `configuration_rejected`, final, when it is larger than
 *   documents are, or is no text
 */
export async function fetchDocument(client: HttpClient, url: URL, call: Call): Promise<string> {
  const answer = await client.send({ method: "GET", url, headers: { accept } }, call);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > maxDocumentBytes) throw refused(`It has more than ${maxDocumentBytes} bytes.`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    // What the decoder throws at bytes that are not UTF-8.
    if (error instanceof TypeError) throw refused("It is no text in UTF-8.");
    throw error;
  }
}

function refused(why: string): Failure {
  return new Failure("configuration_rejected", `The OpenAPI document at the configured URL can't be used. ${why}`, {
    where: "connector",
    remedy: "Name a document of OpenAPI 3.0 or 3.1, or declare the resources themselves.",
    final: true,
  });
}
