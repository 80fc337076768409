/**
 * Redis, in which replicas share rate limits, cool-downs and kept answers.
 *
 * It helps and is never needed: whoever uses it goes on without it while it is away,
 * each replica by itself, and comes back to it when it is back. So nothing waits for
 * it: a command fails at once while there is no connection, and after `answerMs` at
 * the latest when there is one.
 *
 * One connection does it all, since RESP3 carries messages beside answers: Redis 6 or
 * newer. An older one never counts as available.
 */
import { Redis } from "ioredis";
import { createDial, type Dial } from "../egress/dial.ts";
import { operatorPolicy } from "../egress/policy.ts";
import { createTrust, type Trust } from "../egress/tls.ts";
import { Failure } from "../failure.ts";
import type { Observe } from "../observability/observation.ts";
import { redisConnector } from "./redis-connector.ts";

export interface SharedRedis {
  /** Whether a command is worth sending. */
  readonly available: boolean;
  /** A command failed: Redis is not available until it has answered a ping, so that no other call waits in vain. */
  doubt(): void;
  /**
   * Sends commands; the keys that they name get the prefix `connector:`. An error of a
   * command holds the command's arguments, so it must not be logged.
   */
  readonly client: Redis;
  /** Hears a channel from now on, through every loss of the connection. */
  listen(listener: Listener): void;
  /** Tells all who listen to the channel, in every replica and this one. Fails silently. */
  publish(channel: string, message: string): void;
  /** Closes the connection at once. */
  close(): void;
}

export interface Listener {
  readonly channel: string;
  heard(message: string): void;
  /**
   * Reads what was told while nobody heard it. Runs whenever there is a new connection,
   * which hears the channel already and counts as available when this has settled.
   */
  catchUp(client: Redis): Promise<void>;
}

const prefix = "connector:";

export interface RedisOptions {
  /** Milliseconds that Redis may take to answer one command, after which its asker goes on without it. Default: 100. */
  readonly answerMs?: number;
}

/** How to get there. */
export interface RedisRoute {
  /** Default: to wherever the operator may choose. */
  readonly dial?: Dial;
  /** Who may sign its certificate, with `rediss:`. Default: those that Node trusts. */
  readonly trust?: Trust;
}

const defaultAnswerMs = 100;
/**
 * Milliseconds without any answer after which the connection is lost, whoever forgot to
 * doubt it: not sooner, as a pause of this process looks like one of Redis at first, and
 * not before every command had its time.
 */
const silenceMs = (answerMs: number) => Math.max(1_000, 2 * answerMs);
const connectMs = 2_000;
const closeMs = 100;
const reconnect = { firstMs: 50, maxMs: 2_000 };

/**
 * Begins to connect, and goes on trying until it is closed.
 *
 * @param url `redis://user:password@host:6379/0`, or `rediss:` for TLS.
 * @throws Failure of kind `configuration_rejected`, which does not hold the URL.
 */
export function connectRedis(
  url: string,
  observe: Observe,
  {
    answerMs = defaultAnswerMs,
    dial = createDial(operatorPolicy),
    trust = createTrust(),
  }: RedisOptions & RedisRoute = {},
): SharedRedis {
  const listeners = new Map<string, Listener>();
  let available: boolean | undefined;
  let doubted = false;
  let closed = false;
  // Counted here, as the connection is good only when its listeners have caught up.
  let attempts = 0;

  const turn = (now: boolean) => {
    if (closed || available === now) return;
    available = now;
    observe({ kind: "shared_state_changed", part: "redis", available: now });
  };
  const client = clientOf(url, {
    ...timeouts(answerMs),
    Connector: redisConnector({ dial, trust, connectMs }),
    retryStrategy: () => backoffMs(attempts++),
  });

  const join = async (listener: Listener) => {
    await client.subscribe(prefix + listener.channel);
    await listener.catchUp(client);
  };
  const begin = async () => {
    try {
      await Promise.all([...listeners.values()].map(join));
      // A connection with an old server can hear or ask, and not both.
      await client.get("ready");
      if (client.status !== "ready") return;
      attempts = 0;
      turn(true);
    } catch {
      abandon();
    }
  };
  const abandon = () => {
    turn(false);
    if (client.status === "ready") client.disconnect(true);
  };

  const doubt = async () => {
    if (doubted || available !== true) return;
    doubted = true;
    try {
      await client.ping();
    } catch {
      abandon();
    }
    doubted = false;
  };

  client.on("ready", begin);
  client.on("close", () => turn(false));
  client.on("message", (channel: string, message: string) => {
    listeners.get(channel)?.heard(message);
  });
  // What is wrong shows in `available`; the error itself may hold the password.
  client.on("error", () => {});

  return {
    get available() {
      return available === true && !doubted;
    },
    doubt,
    client,
    listen(listener) {
      listeners.set(prefix + listener.channel, listener);
      if (client.status === "ready") join(listener).catch(abandon);
    },
    publish(channel, message) {
      client.publish(prefix + channel, message).catch(() => {}); // Who misses it catches up.
    },
    close() {
      closed = true;
      available = false;
      client.disconnect();
    },
  };
}

interface ClientOptions {
  readonly disconnectTimeout: number;
  readonly commandTimeout: number;
  readonly socketTimeout: number;
  readonly Connector: ReturnType<typeof redisConnector>;
  readonly retryStrategy: () => number;
}

function timeouts(answerMs: number) {
  return { disconnectTimeout: closeMs, commandTimeout: answerMs, socketTimeout: silenceMs(answerMs) };
}

function clientOf(url: string, options: ClientOptions): Redis {
  try {
    return new Redis(url, {
      keyPrefix: prefix,
      connectionName: "connector-service",
      ...options,
      // A command that was not answered has been given up: it must not run later.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      // What was the primary is a replica now: the same name leads to the new one.
      reconnectOnError: ({ message }) => message.startsWith("READONLY"),
    });
  } catch {
    throw new Failure("configuration_rejected", "The URL of Redis is not valid.", {
      where: "service",
      remedy: "Write it as redis://user:password@host:6379/0, percent-encoded.",
    });
  }
}

/** Exponential, with half of it left to chance so that replicas do not come back in step. */
function backoffMs(attempt: number): number {
  const ms = Math.min(reconnect.firstMs * 2 ** Math.min(attempt, 16), reconnect.maxMs);
  return ms / 2 + (Math.random() * ms) / 2;
}
