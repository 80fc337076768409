/**
 * The audit log of all organizations: for whoever looks after it. It is read by a role that
 * changes nothing, and its months come and go by the owner, who sees no row of them.
 */
import type { EntityManager } from "@mikro-orm/postgresql";
import { type OnPlace, readChain } from "./audit-chain.ts";
import type { OnRow } from "./copy-out.ts";
import { auditRole, ownerRole } from "./entities/tenancy.ts";

/** What is yet to be done with an event: to give it its place in the chain, or its intent an outcome. */
export type AuditTaskKind = "link" | "settle";

export interface AuditBacklog {
  /** Events without their place in the chain: so many of them are counted at most as are looked at. */
  readonly link: number;
  /** Intents past their time. */
  readonly settle: number;
  /** Seconds since the oldest event without a place; 0 for none. */
  readonly lagSeconds: number;
}

export interface AuditStore {
  /** The organizations that have such a task which is due. */
  due(kind: AuditTaskKind): Promise<readonly string[]>;
  /** What is yet to be done for all organizations. */
  backlog(): Promise<AuditBacklog>;
  /** Every organization that has links or checkpoints. */
  organizations(): Promise<readonly string[]>;
  /** Reads an organization's chain: `onPlace` gets one place after the other, and says whether it wants the next. */
  readChain(organizationId: string, onPlace: OnPlace): Promise<void>;
  /** Runs statements as the role that reads all organizations, and changes nothing. */
  read<Result>(work: (em: EntityManager) => Promise<Result>): Promise<Result>;
  /** The months that there are tables of, the earliest first: their first days. */
  months(): Promise<readonly string[]>;
  /** Makes the tables of a month, unless they are there. */
  addMonth(month: string): Promise<void>;
  /** Drops all that was written in a month, and the links that were made in it. */
  dropMonth(month: string): Promise<void>;
}

/** Runs its work in one transaction of the role that is named. */
type Transact = <Result>(
  settings: Readonly<Record<string, string>>,
  work: (em: EntityManager) => Promise<Result>,
) => Promise<Result>;

/** Gives the rows of a query, in a transaction of the role that is named. */
type Copy = (settings: Readonly<Record<string, string>>, query: string, onRow: OnRow) => Promise<void>;

/** A chain takes as long to read as it is long. */
const unlimited = { statement_timeout: "0" };
/** A month's tables are made and dropped under a lock that keeps writers waiting: it is not waited for long. */
const lockTimeout = { lock_timeout: "2000" };

export function auditStore(transact: Transact, copy: Copy): AuditStore {
  const read: AuditStore["read"] = (work) => transact({ role: auditRole }, work);
  const asOwner = (statement: string) =>
    transact({ role: ownerRole, ...lockTimeout }, async (em) => void (await em.execute(statement)));
  const names = async (statement: string, parameters: unknown[] = []) =>
    (await read((em) => em.execute<{ name: string }[]>(statement, parameters))).map(({ name }) => name);

  return {
    read,
    due: (kind) => names(dueStatements[kind]),
    async backlog() {
      const [found] = await read((em) => em.execute<AuditBacklog[]>(backlogStatement));
      return found ?? { link: 0, settle: 0, lagSeconds: 0 };
    },
    organizations: () => names(organizationsStatement),
    readChain: (organizationId, onPlace) =>
      readChain(
        {
          copy: (settings, query, onRow) => copy({ role: auditRole, ...unlimited, ...settings }, query, onRow),
          nextPlace: async (id, from) => (await names(nextPlaceStatement, [id, from]))[0] ?? null,
        },
        organizationId,
        onPlace,
      ),
    months: () => names(monthsStatement),
    addMonth: (month) => asOwner(`SELECT audit_add_partition('${checkedMonth(month)}')`),
    async dropMonth(month) {
      const suffix = checkedMonth(month).slice(0, 7).replace("-", "_");
      await asOwner(`DROP TABLE IF EXISTS audit_link_${suffix}, audit_event_${suffix}`);
    },
  };
}

/** Leaps in the index from each organization to the next one, also over what is done and not yet cleared away. */
const dueStatements: Readonly<Record<AuditTaskKind, string>> = {
  link: `
    WITH RECURSIVE found (name) AS (
      (SELECT min(organization_id) FROM audit_task)
      UNION ALL
      SELECT (SELECT min(organization_id) FROM audit_task WHERE organization_id > found.name)
      FROM found WHERE found.name IS NOT NULL
    )
    SELECT name FROM found
    WHERE EXISTS (SELECT FROM audit_task WHERE organization_id = found.name AND kind = 'link')`,
  settle: "SELECT DISTINCT organization_id AS name FROM audit_task WHERE kind = 'settle' AND due_time <= now()",
};

/** Few wait, as a rule. Where very many do, those that were noted first are looked at, or nearly. */
const backlogStatement = `
  WITH waiting AS MATERIALIZED (SELECT event_time FROM audit_task WHERE kind = 'link' LIMIT 10000)
  SELECT count(*)::int AS link,
    (SELECT count(*)::int FROM audit_task WHERE kind = 'settle' AND due_time <= now()) AS settle,
    GREATEST(0, COALESCE(EXTRACT(EPOCH FROM now() - min(event_time)), 0))::float8 AS "lagSeconds"
  FROM waiting`;

const nextPlaceStatement =
  "SELECT min(sequence)::text AS name FROM audit_link WHERE organization_id = ? AND sequence >= ?";

/** Leaps in the index from each organization to the next one, however many links lie between. */
const organizationsStatement = `
  WITH RECURSIVE found (name) AS (
    (SELECT organization_id FROM audit_link ORDER BY organization_id LIMIT 1)
    UNION ALL
    SELECT (SELECT organization_id FROM audit_link WHERE organization_id > found.name ORDER BY organization_id LIMIT 1)
    FROM found WHERE found.name IS NOT NULL
  )
  SELECT name FROM found WHERE name IS NOT NULL
  UNION SELECT DISTINCT organization_id FROM audit_checkpoint ORDER BY name`;

const monthsStatement = `
  SELECT to_char(to_date(right(relname, 7), 'YYYY_MM'), 'YYYY-MM-DD') AS name
  FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
  WHERE inhparent = 'audit_event'::regclass ORDER BY 1`;

function checkedMonth(month: string): string {
  if (!/^\d{4}-(0[1-9]|1[0-2])-01$/.test(month)) throw new Error(`${month} is no first day of a month`);
  return month;
}
