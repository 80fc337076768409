/**
 * The three levels that a call needs room at, and whose turn it is among those who wait.
 *
 * Calls wait in the line of their connector. A connector is in its organization's round
 * while one of its calls lacks nothing of the connector itself, and an organization is in
 * the service's round while one of its connectors is in its own and it has room for it. So
 * whoever is first in the first one's round can run as soon as the service has room.
 */
import type { BulkheadFull, Subject } from "../../observability/observation.ts";
import { join, type Line, leave, type Standing } from "./line.ts";
import { learnHeld, newPace, type Pace } from "./pace.ts";

export interface Level {
  readonly limit: BulkheadFull["limit"];
  permits: number;
  running: number;
  waiting: number;
  /** Milliseconds that a permit was held of late; 0 before the first has come back. */
  heldMs: number;
}

export interface Service extends Level {
  readonly organizations: Map<string, Organization>;
  readonly round: Line<Organization>;
}

export interface Organization extends Level {
  readonly id: string;
  readonly service: Service;
  readonly connectors: Map<string, Connector>;
  readonly round: Line<Connector>;
  turn: Standing<Organization> | undefined;
}

export interface Connector extends Level {
  readonly id: string;
  readonly organization: Organization;
  readonly line: Line<Waiter>;
  turn: Standing<Connector> | undefined;
  readonly pace: Pace;
}

/** A call that waits. */
export interface Waiter {
  /** On `performance.now()`'s clock. */
  readonly deadline: number;
  /** Gives it a permit. */
  readonly admit: () => void;
  /** Its place in its connector's line, until it leaves that. */
  standing: Standing<Waiter> | undefined;
}

/** What one more permit's time weighs among those before it: about the last twenty count. */
const newest = 0.1;

export function createService(permits: number): Service {
  return { ...level("service", permits), organizations: new Map(), round: emptyLine() };
}

function level(limit: Level["limit"], permits: number): Level {
  return { limit, permits, running: 0, waiting: 0, heldMs: 0 };
}

function emptyLine<T>(): Line<T> {
  return { first: undefined, last: undefined };
}

/** The connector's level, and its organization's, made where there is none. */
export function connectorOf(
  service: Service,
  subject: Subject,
  permits: { readonly organization: number; readonly connector: number },
): Connector {
  const { organizationId, connectorId } = subject;
  let organization = service.organizations.get(organizationId);
  if (organization === undefined) {
    organization = {
      ...level("organization", permits.organization),
      ...{ id: organizationId, service, connectors: new Map(), round: emptyLine(), turn: undefined },
    };
    service.organizations.set(organizationId, organization);
  }
  let connector = organization.connectors.get(connectorId);
  if (connector === undefined) {
    connector = {
      ...level("connector", permits.connector),
      ...{ id: connectorId, organization, line: emptyLine(), turn: undefined, pace: newPace() },
    };
    organization.connectors.set(connectorId, connector);
  }
  return connector;
}

/** Frees what nobody runs or waits through. */
export function discardIfUnused({ id, organization, running, waiting }: Connector): void {
  if (running > 0 || waiting > 0) return;
  organization.connectors.delete(id);
  if (organization.connectors.size === 0) organization.service.organizations.delete(organization.id);
}

export function hasRoom({ running, permits }: Level): boolean {
  return running < permits;
}

/** Counts a call that begins (1) or ends (-1) to run or to wait, at all three levels. */
export function count(connector: Connector, what: "running" | "waiting", by: 1 | -1): void {
  const { organization } = connector;
  connector[what] += by;
  organization[what] += by;
  organization.service[what] += by;
}

/** Remembers how long a permit was held. */
export function learn(connector: Connector, heldMs: number): void {
  const { organization } = connector;
  learnHeld(connector.pace, heldMs);
  average(connector, heldMs);
  average(organization, heldMs);
  average(organization.service, heldMs);
}

function average(level: Level, heldMs: number): void {
  level.heldMs = level.heldMs === 0 ? heldMs : level.heldMs + newest * (heldMs - level.heldMs);
}

/** Brings the rounds up to date with the connector's line and its permits. */
export function arrange(connector: Connector): void {
  const { organization } = connector;
  takePart(organization.round, connector, connector.line.first !== undefined && hasRoom(connector));
  const able = organization.round.first !== undefined && hasRoom(organization);
  takePart(organization.service.round, organization, able);
}

/** The connector and its organization have had a turn: the others of both rounds come first now. */
export function endTurn(connector: Connector): void {
  const { organization } = connector;
  takePart(organization.round, connector, false);
  takePart(organization.service.round, organization, false);
  arrange(connector);
}

interface Participant<T> {
  turn: Standing<T> | undefined;
}

/** Lets a member into a round, at its end, or out of it. */
function takePart<T extends Participant<T>>(round: Line<T>, member: T, able: boolean): void {
  if (able && member.turn === undefined) member.turn = join(round, member);
  if (!able && member.turn !== undefined) {
    leave(round, member.turn);
    member.turn = undefined;
  }
}
