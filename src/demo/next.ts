/** What a newcomer can try next: lines to copy as they are, for the service at its default address. */
import { readConfig } from "../config.ts";
import { variable } from "./given.ts";
import type { Terminal } from "./terminal.ts";

export function whatNext(terminal: Terminal): void {
  const { host, port } = readConfig({});
  const address = `${host}:${port}`;
  const section = (title: string, lines: string) => {
    terminal.heading(title);
    for (const line of lines.trim().split("\n")) terminal.line(line === "" ? "" : terminal.style("cyan", line));
  };
  section("See the same on a database of yours, which is only read", withYours);
  section("Try it by yourself: start the service, which shows an API key once", "npm start");
  section("In another terminal: register the database, and keep the id of the answer", registering(address));
  section("Test, describe and query it by curl", calling(address));
  section("The same contract by gRPC", grpc(address));
  section("In TypeScript, from this directory", typescript(address));
  section("See what else is there", "npm run demo -- --observe\nnpm run e2e\nnpm test\nnpm run bench -- stream");
}

const withYours = `${variable}=mysql://reader:secret@127.0.0.1:3306/shop npm run demo`;

const call = (address: string, rpc: string) => `curl -s http://${address}/connector.v1.ConnectorService/${rpc} \\
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\`;

const registering = (address: string) => `
export TOKEN=csk.…
${call(address, "CreateConnector")}
  -d '{
    "provider": "postgresql",
    "name": "mine",
    "config": {
      "host": "127.0.0.1", "port": 5432, "tls": "disable",
      "database": "postgres", "user": "reader"
    },
    "credential": { "password": "…" }
  }'
export ID=…
`;

const calling = (address: string) => `
${call(address, "TestConnector")}
  -d '{ "connectorId": "'$ID'" }'
${call(address, "GetSchema")}
  -d '{ "connectorId": "'$ID'" }'
${call(address, "Query")}
  -d '{ "connectorId": "'$ID'", "query": { "native": { "text": "SELECT now()" } } }'
`;

const grpc = (address: string) => `
grpcurl -plaintext ${address} list
grpcurl -plaintext -H "Authorization: Bearer $TOKEN" \\
  -d '{ "connectorId": "'$ID'", "query": { "native": { "text": "SELECT now()" } } }' \\
  ${address} connector.v1.ConnectorService/StreamQuery
`;

const typescript = (address: string) => `
node --input-type=module-typescript -e '
  import { createConnectorClient } from "./src/client/index.ts";
  const { TOKEN = "", ID = "" } = process.env;
  const client = createConnectorClient({ url: "http://${address}", token: TOKEN });
  for await (const row of client.stream(ID, { native: "SELECT now()" })) console.log(row);
  client.close();
'
`;
