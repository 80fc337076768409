/** Reads an organization's chain as it is stored, place by place, in its order. */
import pg from "pg";
import type { OnRow } from "./copy-out.ts";

/** What is stored at a place. It is good until the next one is told of. */
export interface AuditChainPlace {
  readonly sequence: number;
  /** When its event was written, in milliseconds since 1970; -1 for never. */
  readonly eventMs: number;
  /** 32 bytes; zeros for what is no hash. */
  readonly hash: Buffer;
  /** The event's text in UTF-8, with room of 66 bytes before it, for whoever reads it to write into. */
  readonly row: Buffer;
  /** Where the text begins; undefined when there is none. */
  readonly textStart: number | undefined;
}

/** Says whether it wants more. */
export type OnPlace = (place: AuditChainPlace) => boolean;

/** The ways to the database that it takes. */
export interface ChainSource {
  copy(settings: Readonly<Record<string, string>>, query: string, onRow: OnRow): Promise<void>;
  /** The first place at or behind one at which there is a link. */
  nextPlace(organizationId: string, from: string): Promise<string | null>;
}

/**
 * How it is to be planned: with the events of a part found together, as they lie in the order
 * of their times, and not one by one.
 */
const settings = {
  ...{ enable_nestloop: "off", enable_mergejoin: "off" },
  ...{ max_parallel_workers_per_gather: "0", jit: "off" },
};

/** So many are put in order at a time: they fit into a processor's cache. */
const partPlaces = 4_000;

export async function readChain(source: ChainSource, organizationId: string, onPlace: OnPlace): Promise<void> {
  let from = await source.nextPlace(organizationId, "0");
  while (from !== null) {
    let empty: number | undefined;
    const place = placeOf();
    const onRow = (row: Buffer) => {
      const found = place(row);
      if (found.eventMs !== emptyPart) return onPlace(found);
      empty = found.sequence;
      return false;
    };
    await source.copy(settings, chainQuery(organizationId, from), onRow);
    from = empty === undefined ? null : await source.nextPlace(organizationId, String(empty));
  }
}

/** In place of a time: there is nothing in the part that begins here, though there is behind it. */
const emptyPart = -2;

/** Where the values of a row are: a bigint, a bigint, 32 bytes, and the text. */
const at = { sequence: 6, eventMs: 18, hash: 30, textLength: 62, text: 66 };

/** Makes a row's place, the same object each time. */
function placeOf(): (row: Buffer) => AuditChainPlace {
  const hash = Buffer.alloc(32);
  const place = { sequence: 0, eventMs: 0, hash, row: hash as Buffer, textStart: undefined as number | undefined };
  return (row) => {
    place.sequence = bigintAt(row, at.sequence);
    place.eventMs = bigintAt(row, at.eventMs);
    row.copy(hash, 0, at.hash, at.hash + 32);
    place.row = row;
    place.textStart = row.readInt32BE(at.textLength) < 0 ? undefined : at.text;
    return place;
  };
}

/** Beyond 2 to the 53rd only nearly. */
function bigintAt(row: Buffer, offset: number): number {
  return row.readInt32BE(offset) * 2 ** 32 + row.readUInt32BE(offset + 4);
}

/**
 * A part is cut off behind one place more than it can have: there are two at one place, then,
 * and the first two such are among those that are left.
 *
 * What has not the length of a hash is told as zeros, which are no entry's hash.
 */
function chainQuery(organizationId: string, from: string): string {
  const own = `organization_id = ${pg.escapeLiteral(organizationId)}`;
  const isInPart = `${own} AND sequence >= parts.first AND sequence < parts.first + ${partPlaces}`;
  return `
    SELECT coalesce(place.sequence, parts.first),
      CASE WHEN place.sequence IS NULL THEN ${emptyPart}
        WHEN isfinite(event_time) THEN greatest(-1, (date_part('epoch', event_time) * 1000)::bigint) ELSE -1 END::bigint,
      CASE WHEN octet_length(hash) = 32 THEN hash ELSE decode(repeat('00', 32), 'hex') END,
      entry
    FROM (
      SELECT generate_series(${BigInt(from)}, (SELECT max(sequence) FROM audit_link WHERE ${own}), ${partPlaces}) AS first
    ) AS parts LEFT JOIN LATERAL (
      SELECT found.*
      FROM (SELECT min(event_time) AS from_time, max(event_time) AS to_time FROM audit_link WHERE ${isInPart}) AS span
        CROSS JOIN LATERAL (
          SELECT link.sequence, link.create_time, link.event_time, link.hash, event.entry
          FROM (SELECT * FROM audit_link WHERE ${isInPart}) AS link LEFT JOIN (
            SELECT * FROM audit_event WHERE ${own} AND create_time >= from_time AND create_time <= to_time
          ) AS event ON event.create_time = link.event_time AND event.id = link.event_id
        ) AS found
      ORDER BY found.sequence, found.create_time LIMIT ${partPlaces + 1}
    ) AS place ON true`;
}
