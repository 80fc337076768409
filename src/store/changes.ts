/**
 * Tells of every connector and API key that is changed or deleted, by this replica, another
 * one or by hand, as soon as that is committed. PostgreSQL sends it (LISTEN, NOTIFY) to whoever
 * is connected: what happens while nobody listens is never told, so whoever relies on it
 * must know when that was. So a listener also sends word to itself all the time, and what
 * it does not hear shows that the others' is lost, too: in a pooler that shares connections
 * between transactions, in a frozen database, on a way that is cut.
 */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { orAborted } from "../abort.ts";
import { StoreSocket } from "./socket.ts";

export interface ChangesOptions {
  readonly url: string;
  /** @param rewrapped Whether its credential was only wrapped anew, under another key */
  onChange(organizationId: string, connectorId: string, rewrapped: boolean): void;
  /** Default: nobody hears of API keys. */
  onApiKeyChange?(apiKeyId: string): void;
  /** From true to false every change is told; after that, and before the first true, none may be. */
  onAvailable(available: boolean): void;
  /** Gets a sentence when the changes become available and when they no longer are. */
  log(message: string): void;
}

export interface ChangeListener {
  close(): Promise<void>;
}

const connectorChannel = "connector_changed";
const rewrappedChannel = "connector_rewrapped";
const apiKeyChannel = "api_key_changed";
/** A frozen or cut-off database is noticed after the sum of both, in milliseconds. */
const pingMs = 2_000;
const answerMs = 2_000;
/** Before the first try to connect again, and at most before any other; in milliseconds. */
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** Connects, and again for ever, until it is closed. */
export function listenForChanges(options: ChangesOptions): ChangeListener {
  const closing = new AbortController();
  const listening = keepListening(options, closing.signal);
  return {
    async close() {
      closing.abort();
      await listening;
    },
  };
}

async function keepListening(options: ChangesOptions, closing: AbortSignal): Promise<void> {
  for (let failures = 0; !closing.aborted; failures++) {
    if (await listenOnce(options, closing)) failures = 0;
    const pauseMs = Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
    // Replicas that lost the database together must not come back together.
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: closing, ref: false }).catch(() => {});
  }
}

/** Listens for as long as the database answers. Says whether it ever did. Never fails. */
async function listenOnce(options: ChangesOptions, closing: AbortSignal): Promise<boolean> {
  const ended = new AbortController();
  const over = AbortSignal.any([closing, ended.signal]);
  // Our own, since the driver's way to close a connection waits for the server.
  const socket = new StoreSocket();
  const client = clientOn(socket, options, (reason) => ended.abort(reason));
  const echo = echoOn(client);
  const answered = (work: Promise<unknown>) => orAborted(work, AbortSignal.any([over, AbortSignal.timeout(answerMs)]));
  let listening = false;
  try {
    await answered(client.connect());
    await answered(
      client.query(
        [connectorChannel, rewrappedChannel, apiKeyChannel, echo.channel].map((name) => `LISTEN ${name}`).join("; "),
      ),
    );
    await answered(echo.heard());
    listening = true;
    options.log("changes of connectors and API keys are heard");
    options.onAvailable(true);
    for (;;) {
      await delay(pingMs, undefined, { signal: over, ref: false });
      await answered(echo.heard());
    }
  } catch (cause) {
    if (listening && !closing.aborted)
      options.log(`changes of connectors and API keys are not heard any more: ${wordsOf(cause)}`);
  } finally {
    if (listening) options.onAvailable(false);
    socket.destroy();
  }
  return listening;
}

function clientOn(socket: Socket, options: ChangesOptions, ended: (reason: Error) => void): pg.Client {
  const { url, onChange, onApiKeyChange } = options;
  const client = new pg.Client({
    connectionString: url,
    stream: () => socket,
    keepAlive: true,
    keepAliveInitialDelayMillis: pingMs,
    application_name: "connector-service changes",
  });
  client.on("error", ended).on("end", () => ended(new Error("the connection has ended")));
  client.on("notification", ({ channel: name, payload = "" }) => {
    if (name === apiKeyChannel) onApiKeyChange?.(payload);
    if (name !== connectorChannel && name !== rewrappedChannel) return;
    // An id holds no slash; an organization's may.
    const slash = payload.lastIndexOf("/");
    onChange(payload.slice(0, slash), payload.slice(slash + 1), name === rewrappedChannel);
  });
  return client;
}

/** Word of the listener's own to itself, which nobody else hears. */
function echoOn(client: pg.Client) {
  const own = `connector_listener_${randomUUID().replaceAll("-", "")}`;
  let hear = () => {};
  client.on("notification", ({ channel: name }) => {
    if (name === own) hear();
  });
  return {
    channel: own,
    async heard(): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      hear = resolve;
      await client.query(`NOTIFY ${own}`);
      await promise;
    },
  };
}

function wordsOf(cause: unknown): string {
  const { cause: reason = cause } = cause instanceof Error ? cause : {};
  return reason instanceof Error ? reason.message : String(reason);
}
