/** Connectors and API keys, from their making to their end. */
import { expect, refused, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";

const connectors: Section<Stage> = {
  title: "Connectors: create, read, list, change, delete",
  async run({ client, connect, named }, did) {
    const name = named("managed");
    const config = { host: "db.example.com", database: "shop", user: "reader" };
    const made = await did("CreateConnector", () =>
      connect({ provider: "postgresql", name, config, credential: { password: crypto.randomUUID() } }),
    );
    expect(made.credential?.present === true, "Its credential is not stored.");
    const read = await did("GetConnector shows it, and no credential", () => client.getConnector(made.id));
    expect(read.etag === made.etag, "It is another one.");
    const names = await did("ListConnectors finds it by the beginning of its name", () =>
      Array.fromAsync(client.listConnectors({ filter: { namePrefix: name } }), (each) => each.name),
    );
    expect(names.length === 1 && names[0] === name, `It finds ${names.join(", ")}.`);
    const changed = await did("UpdateConnector with the etag that was read", () =>
      client.updateConnector(made.id, { displayName: "Managed" }, { etag: made.etag }),
    );
    expect(changed.displayName === "Managed", "It is not changed.");
    await did("UpdateConnector with an old etag is refused with CONFLICT", () =>
      refused("CONFLICT", client.updateConnector(made.id, { displayName: "Late" }, { etag: made.etag })),
    );
    await did("UpdateConnector to another host without its credential is refused", () =>
      refused("INVALID_REQUEST", client.updateConnector(made.id, { config: { ...config, host: "evil.example.com" } })),
    );
    await did("DeleteConnector", () => client.deleteConnector(made.id));
    await did("GetConnector then says NOT_FOUND", () => refused("NOT_FOUND", client.getConnector(made.id)));
  },
};

const keys: Section<Stage> = {
  title: "API keys",
  async run({ client, clientFor, named, remove }, did) {
    const principal = named("reader");
    const made = await did("CreateApiKey for reading only", () =>
      client.rpc.createApiKey({ principal, scopes: ["connector.read"] }),
    );
    const id = made.apiKey?.id ?? "";
    remove(() => client.rpc.revokeApiKey({ apiKeyId: id }));
    const reader = clientFor(made.token);
    await did("ListProviders by that key", () => reader.listProviders());
    await did("CreateConnector by it is refused with PERMISSION_DENIED", () =>
      refused(
        "PERMISSION_DENIED",
        reader.createConnector({ provider: "postgresql", name: named("not"), config: { host: "a" } }),
      ),
    );
    await did("RevokeApiKey", () => client.rpc.revokeApiKey({ apiKeyId: id }));
    await did("its next call is refused with UNAUTHENTICATED", () =>
      refused("UNAUTHENTICATED", reader.listProviders()),
    );
  },
};

export const managing: readonly Section<Stage>[] = [connectors, keys];
