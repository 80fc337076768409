import { connectorTo } from "../support/service.ts";
import type { Source } from "./source.ts";

/** What a connector has instead of what leads to the test's source. */
export interface Overrides {
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  readonly tls?: string;
  readonly ca?: string;
  readonly password?: string;
}

/** Another connector to the test's source but for this; gives its id. */
export async function newConnector(
  { client, url }: Pick<Source, "client" | "url">,
  { password, ...config }: Overrides,
): Promise<string> {
  const request = connectorTo(url, `other-${crypto.randomUUID()}`);
  const connector = await client.createConnector({
    ...request,
    config: { ...request.config, ...config },
    credential: password === undefined ? request.credential : { password },
  });
  return connector.id;
}
