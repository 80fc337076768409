/** Everything that dials, and listeners that tell whether it did. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, isIPv6, type Server } from "node:net";
import { onTestFinished } from "vitest";
import type { Dial } from "../../src/egress/dial.ts";
import { createFetch } from "../../src/egress/fetch.ts";
import { createTrust } from "../../src/egress/tls.ts";
import { redisConnector } from "../../src/execution/redis-connector.ts";
import { createPlaces } from "../../src/execution/session/places.ts";
import { createOAuthFetch } from "../../src/providers/http/auth/oauth/fetch.ts";
import { createHttpClient } from "../../src/providers/http/client.ts";
import { SourceConnection as MysqlConnection } from "../../src/providers/mysql/connection.ts";
import mysql from "../../src/providers/mysql/index.ts";
import type { Login as MysqlLogin } from "../../src/providers/mysql/login.ts";
import { type Login, SourceConnection } from "../../src/providers/postgresql/connection.ts";
import postgresql from "../../src/providers/postgresql/index.ts";
import rest from "../../src/providers/rest.ts";

/** Goes to a host; fails when it does not get there or is not answered. */
export type Driver = (host: string, port: number) => Promise<unknown>;

const trust = createTrust();
const never = new AbortController().signal;

/** Every driver that there is, each on this dial. */
export function driversOn(
  dial: Dial,
): Readonly<Record<"postgresql" | "mysql" | "rest" | "oauth" | "redis" | "fetch", Driver>> {
  const fetch = createFetch(dial);
  const Connector = redisConnector({ dial, trust, connectMs: 60_000 });
  return {
    /** As a connector's session is opened, from the configuration that its maker gives. */
    async postgresql(host, port) {
      const config = postgresql.config.parse({ host, port, database: "d", user: "u", tls: "disable" });
      const connection = await SourceConnection.open(config as Login, "password", dial, never);
      connection.close();
    },
    async mysql(host, port) {
      const config = mysql.config.parse({ host, port, database: "d", user: "u", tls: "disable" });
      const connection = await MysqlConnection.open(config as MysqlLogin, "password", dial, never);
      connection.close();
    },
    async rest(host, port) {
      const given = { base_url: urlOf(host, port), authentication: { type: "none" } };
      const url = new URL((rest.config.parse(given) as typeof given).base_url);
      const client = createHttpClient({
        ...{ baseUrl: url, authentication: { authorize: async (request) => request }, dial, trust },
        ...{ places: createPlaces({ perHost: 1, all: 1 }), maxConnections: 1, upstream: "rest" },
      });
      const call = { signal: never, deadline: Number.POSITIVE_INFINITY, enter() {}, settling() {}, quota() {} };
      await client.send({ method: "GET", url, headers: {} }, call).finally(() => client.close());
    },
    /** As tokens are asked for, where a connector's configuration says. */
    async oauth(host, port) {
      const given = { type: "oauth2_client_credentials", token_endpoint: urlOf(host, port, "https"), client_id: "c" };
      const config = rest.config.parse({ base_url: "https://api.example.com", authentication: given });
      const { token_endpoint: url } = (config as { authentication: typeof given }).authentication;
      const oauth = createOAuthFetch({ dial, trust, ca: undefined, certificate: undefined });
      await oauth.fetch(url, { method: "POST", headers: {}, body: new URLSearchParams(), redirect: "manual" });
    },
    async redis(host, port) {
      const connector = new Connector({ host, port, disconnectTimeout: 1 });
      const socket = await connector.connect(() => {});
      if (socket.destroyed) throw connector.firstError;
      socket.destroy();
    },
    /** As an issuer is asked for its keys, and an engine of transit keys for its own. */
    fetch: (host, port) => fetch(urlOf(host, port)),
  };
}

const urlOf = (host: string, port: number, scheme = "http") =>
  `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}/`;

export interface Canary {
  readonly port: number;
  /** So many connections were made to it until now. */
  count(): Promise<number>;
}

/** Listens at all of the addresses, and ends whatever connects. Undefined when this machine lacks one of them. */
export async function canaryAt(addresses: readonly string[], port = 0): Promise<Canary | undefined> {
  let count = 0;
  let own = 0;
  let chosen = port;
  for (const host of addresses) {
    const server: Server = createServer((socket) => {
      count++;
      socket.on("error", () => {}).destroy();
    });
    onTestFinished(() => void server.close());
    try {
      server.listen({ host, port: chosen, ipv6Only: host.includes(":") });
      await once(server, "listening");
    } catch {
      return undefined;
    }
    chosen = (server.address() as AddressInfo).port;
  }
  return {
    port: chosen,
    async count() {
      // Connections are taken in their order: behind these there is none from before.
      for (const host of addresses) {
        own++;
        const last = connect(chosen, host).on("error", () => {});
        last.resume();
        await once(last, "close");
      }
      return count - own;
    },
  };
}
