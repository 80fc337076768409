/** Where a browser is sent in the end, which is an address that the operator allows and nobody else's. */
import { invalidRequest } from "../../failure.ts";

/** @throws Failure `invalid_request` when browsers are not sent there */
export function checkReturnUri(text: string, origins: readonly string[]): void {
  const url = URL.parse(text);
  const problem =
    url === null || !/^https?:$/.test(url.protocol)
      ? "must be an http or https URL"
      : url.username !== "" || url.password !== ""
        ? "must hold no user and no password"
        : text.includes("#")
          ? "must hold no fragment"
          : origins.includes(url.origin)
            ? undefined
            : "must be of an origin that the operator allows (AUTHORIZATION_RETURN_ORIGINS)";
  if (problem !== undefined) throw invalidRequest({ field: "return_uri", description: problem });
}

/** The address with what came of it in its query: `connector_id`, and `error` when it failed. */
export function returnTo(returnUri: string, connectorId: string, error?: string): URL {
  const url = new URL(returnUri);
  url.searchParams.set("connector_id", connectorId);
  url.searchParams.delete("error");
  if (error !== undefined) url.searchParams.set("error", error);
  return url;
}
