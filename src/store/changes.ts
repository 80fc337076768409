/**
 * Tells of every connector, API key and grant that is changed or deleted, by this replica, another
 * one or by hand, as soon as that is committed. PostgreSQL sends it (LISTEN, NOTIFY) to whoever
 * is connected: what happens while nobody listens is never told, so whoever relies on it
 * must know when that was. So a listener also sends word to itself, and what it does not
 * hear shows that the others' is lost, too: at first by the way that changes come, as a
 * pooler that shares connections between transactions loses what another connection says;
 * and then all the time by its own, which may be cut, and its database frozen.
 */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { orAborted } from "../abort.ts";
import { StoreSocket } from "./socket.ts";

export interface ChangesOptions {
  /** Of the database, or a way to it that keeps a session together. */
  readonly url: string;
  /** Sends word on a channel as changes are sent: by a transaction of the store's own. */
  notify(channel: string): Promise<unknown>;
  /** @param rewrapped Whether its credential was only wrapped anew, under another key */
  onChange(organizationId: string, connectorId: string, rewrapped: boolean): void;
  /** Default: nobody hears of API keys. */
  onApiKeyChange?(apiKeyId: string): void;
  /** A grant was made, changed or taken back. Default: nobody hears of grants. */
  onGrantChange?(organizationId: string, connectorId: string, agent: string): void;
  /**
   * From true to false every change is told; after that, and before the first true, none may
   * be. Begins with false when the first try to listen fails.
   * @param why they are not told, unless the listener was closed
   */
  onAvailable(available: boolean, why?: string): void;
}

export interface ChangeListener {
  close(): Promise<void>;
}

const connectorChannel = "connector_changed";
const rewrappedChannel = "connector_rewrapped";
const apiKeyChannel = "api_key_changed";
const grantChannel = "grant_changed";
/** A frozen or cut-off database is noticed after the sum of both, in milliseconds. */
const pingMs = 2_000;
const answerMs = 2_000;
/** Before the first try to listen again, in milliseconds; then twice as long each time. */
const firstPauseMs = 50;
/** At most: a database comes back, and a pooler stays what it is. */
const longestPauseMs = { heard: 2_000, lost: 2_000, unheard: 30_000 } as const satisfies Record<Outcome, number>;

const pooled = "the database's notices don't come: its URL seems to lead to a pooler that keeps no session together";

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
  const own = `connector_listener_${randomUUID().replaceAll("-", "")}`;
  let known: boolean | undefined;
  const tell: Tell = (available, why) => {
    if (available !== known) options.onAvailable(available, why);
    known = available;
  };
  let before: Outcome | undefined;
  for (let again = 0; !closing.aborted; again++) {
    const outcome = await listenOnce(options, own, tell, closing);
    if (outcome !== before || outcome === "heard") again = 0;
    before = outcome;
    const pauseMs = Math.min(firstPauseMs * 2 ** again, longestPauseMs[outcome]);
    // Replicas that lost the database together must not come back together.
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: closing, ref: false }).catch(() => {});
  }
}

type Tell = ChangesOptions["onAvailable"];

/** Changes were heard, for some time; there was no connection; or there was one that brings no word. */
type Outcome = "heard" | "lost" | "unheard";

/** Listens for as long as the database answers. Never fails. */
async function listenOnce(options: ChangesOptions, own: string, tell: Tell, closing: AbortSignal): Promise<Outcome> {
  const ended = new AbortController();
  const over = AbortSignal.any([closing, ended.signal]);
  // Our own, since the driver's way to close a connection waits for the server.
  const socket = new StoreSocket();
  const client = clientOn(socket, options, (reason) => ended.abort(reason));
  const nextWord = wordsOn(client, own);
  const answered = (work: Promise<unknown>) => orAborted(work, AbortSignal.any([over, AbortSignal.timeout(answerMs)]));
  let outcome: Outcome = "lost";
  try {
    await answered(client.connect());
    const channels = [connectorChannel, rewrappedChannel, apiKeyChannel, grantChannel, own];
    await answered(client.query(channels.map((name) => `LISTEN ${name}`).join("; ")));
    const word = nextWord();
    await answered(options.notify(own));
    outcome = "unheard";
    await answered(word);
    outcome = "heard";
    tell(true);
    for (;;) {
      await delay(pingMs, undefined, { signal: over, ref: false });
      await answered(Promise.all([nextWord(), client.query(`NOTIFY ${own}`)]));
    }
  } catch (cause) {
    tell(false, closing.aborted ? undefined : outcome === "unheard" ? pooled : reasonOf(cause));
  } finally {
    socket.destroy();
  }
  return outcome;
}

function clientOn(socket: Socket, options: ChangesOptions, ended: (reason: Error) => void): pg.Client {
  const { url, onChange, onApiKeyChange, onGrantChange } = options;
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
    if (name === grantChannel) {
      // Neither an organization's name nor an id holds a slash; an agent's name may.
      const [organizationId = "", connectorId = "", ...agent] = payload.split("/");
      onGrantChange?.(organizationId, connectorId, agent.join("/"));
    }
    if (name !== connectorChannel && name !== rewrappedChannel) return;
    // An id holds no slash; an organization's may.
    const slash = payload.lastIndexOf("/");
    onChange(payload.slice(0, slash), payload.slice(slash + 1), name === rewrappedChannel);
  });
  return client;
}

/** Settles when the next word comes on a channel. */
function wordsOn(client: pg.Client, channel: string): () => Promise<void> {
  let hear = () => {};
  client.on("notification", ({ channel: name }) => {
    if (name === channel) hear();
  });
  return () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    hear = resolve;
    return promise;
  };
}

function reasonOf(cause: unknown): string {
  const { cause: reason = cause } = cause instanceof Error ? cause : {};
  return reason instanceof Error ? reason.message : String(reason);
}
