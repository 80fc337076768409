/**
 * Reads an organization's chain as it is stored: some thousand places at a time, each such
 * part in one row of few long texts, since rows and objects of their own for each place
 * would take longer than what is done with them.
 */
import type { EntityManager } from "@mikro-orm/postgresql";

/** Some places of a chain in their order, and what was found there. */
export interface AuditChainPart {
  /** What places are told from. */
  readonly first: bigint;
  /**
   * Three for each place: how far it is from `first`; when its event was written, in
   * milliseconds since 1970, -1 for never; and the bytes of the event's text, -1 where there is none.
   */
  readonly heads: readonly number[];
  /** 64 hex digits for each; zeros for what is no hash. */
  readonly hashes: string;
  /** For each, as many spaces as were asked for, and the event's text. */
  readonly entries: string;
}

/** Says whether it wants more. */
export type OnPart = (part: AuditChainPart) => boolean;

/**
 * How it is to be planned: for all parts and not for the first one, and with the events of a
 * part found together, as they lie in the order of their times, and not one by one.
 */
export const chainSettings = {
  ...{ cursor_tuple_fraction: "1", enable_nestloop: "off", enable_mergejoin: "off" },
  ...{ max_parallel_workers_per_gather: "0", jit: "off" },
};

/** So many fit into a processor's cache. */
const partPlaces = 4_000;

interface PartRow {
  readonly first: string;
  readonly heads: string | null;
  readonly hashes: string;
  readonly entries: string;
}

/** @param room Spaces before each event's text, for whoever reads it to write into */
export async function readChain(
  em: EntityManager,
  organizationId: string,
  room: number,
  onPart: OnPart,
): Promise<void> {
  let from = await nextPlace(em, organizationId, "0");
  while (from !== null) {
    await em.execute(chainStatement(room), [organizationId, from]);
    const missing = await readParts(em, onPart);
    await em.execute("CLOSE chain");
    from = missing === undefined ? null : await nextPlace(em, organizationId, missing);
  }
}

/** Gives the first place of a part in which there is nothing, though there is behind it; the next part comes while one is looked at. */
async function readParts(em: EntityManager, onPart: OnPart): Promise<string | undefined> {
  const fetch = () => em.execute<PartRow[]>("FETCH 1 FROM chain");
  let next = fetch();
  for (;;) {
    const [row] = await next;
    if (row === undefined) return undefined;
    next = fetch();
    const { first, heads, hashes, entries } = row;
    const goesOn =
      heads !== null &&
      onPart({
        ...{ first: BigInt(first), heads: JSON.parse(`[${heads}]`) as number[] },
        ...{ hashes, entries },
      });
    if (goesOn) continue;
    await next;
    return heads === null ? first : undefined;
  }
}

async function nextPlace(em: EntityManager, organizationId: string, from: string): Promise<string | null> {
  const statement = "SELECT min(sequence)::text AS place FROM audit_link WHERE organization_id = ? AND sequence >= ?";
  const [row] = await em.execute<{ place: string | null }[]>(statement, [organizationId, from]);
  return row?.place ?? null;
}

/**
 * A part is cut off behind one place more than it can have: there are two at one place, then,
 * and the first two such are among those that are left.
 *
 * What has not the length of a hash is told as zeros, which are no entry's hash.
 */
const chainStatement = (room: number) => `
  DECLARE chain NO SCROLL CURSOR FOR
  SELECT parts.first::text AS first, part.heads, part.hashes, part.entries
  FROM (
    SELECT organization, generate_series(from_place, to_place, ${partPlaces}) AS first
    FROM (
      SELECT given.*, (SELECT max(sequence) FROM audit_link WHERE organization_id = given.organization) AS to_place
      FROM (SELECT ?::text AS organization, ?::bigint AS from_place) AS given
    ) AS whole
  ) AS parts CROSS JOIN LATERAL (
    SELECT
      string_agg(concat(sequence - parts.first, ',', event_ms, ',', coalesce(octet_length(convert_to(entry, 'UTF8')), -1)), ',') AS heads,
      encode(string_agg(CASE WHEN octet_length(hash) = 32 THEN hash ELSE decode(repeat('00', 32), 'hex') END, ''), 'hex') AS hashes,
      string_agg(repeat(' ', ${room}) || coalesce(entry, ''), '') AS entries
    FROM (
      SELECT link.sequence, link.hash, event.entry,
        CASE WHEN isfinite(link.event_time) THEN (date_part('epoch', link.event_time) * 1000)::bigint ELSE -1 END AS event_ms
      FROM audit_link AS link LEFT JOIN (
        SELECT * FROM audit_event
        WHERE organization_id = parts.organization
          AND create_time >= (SELECT min(event_time) FROM audit_link AS own WHERE ${isInPart("own")})
          AND create_time <= (SELECT max(event_time) FROM audit_link AS own WHERE ${isInPart("own")})
      ) AS event ON event.create_time = link.event_time AND event.id = link.event_id
      WHERE ${isInPart("link")} ORDER BY link.sequence, link.create_time LIMIT ${partPlaces + 1}
    ) AS place
  ) AS part`;

const isInPart = (link: string) => `
  ${link}.organization_id = parts.organization AND ${link}.sequence >= parts.first
    AND ${link}.sequence < parts.first + ${partPlaces}`;
