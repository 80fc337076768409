/** Which grants reach beyond reading the connector's data, and the statements that take them away. */
import type { Privileges, Risk } from "../sql/privileges.ts";
import { quoteIdentifier } from "./dialect.ts";
import type { Grant, Privilege, Target } from "./grants.ts";

export interface Facts {
  readonly isMariaDb: boolean;
  /** The connector's own. */
  readonly database: string;
  /** FILE reaches files of the server: `secure_file_priv` does not forbid it. */
  readonly filesReach: boolean;
}

/** A role that the user has, active or not, and what it brings with it. */
export interface HeldRole {
  readonly role: string;
  /** Who has it: the user, or PUBLIC. */
  readonly to: string;
  readonly grants: readonly Grant[];
}

type Judgement = Pick<Privileges, "superuser" | "mayWrite" | "risks" | "notes">;

/** @param own what the user was granted itself, and everybody */
export function judge(own: readonly Grant[], roles: readonly HeldRole[], facts: Facts): Judgement {
  const findings = own.flatMap((grant) => findingsOf(grant, facts));
  const all = findings.find(({ is }) => is === mayDoEverything);
  // Whatever else it was given.
  if (all !== undefined) return { superuser: true, mayWrite: true, risks: [riskOf(all)], notes: [] };
  const known = new Set(own.flatMap(keysOf));
  for (const { role, to, grants } of roles) {
    const more = grants.map((grant) => withoutKnown(grant, known)).flatMap((grant) => findingsOf(grant, facts));
    const remedy = `REVOKE ${role} FROM ${to}`;
    findings.push(...more.map((finding) => ({ ...finding, is: `${finding.is} by the role ${role}`, remedy })));
  }
  const of = (weight: Finding["weight"]) => findings.filter((finding) => finding.weight === weight);
  return {
    superuser: findings.some(({ everything }) => everything),
    mayWrite: findings.some(({ writes }) => writes),
    risks: of("risk").map(riskOf),
    notes: of("note").map(riskOf),
  };
}

interface Finding extends Risk {
  /** A connector can be told to do without a risk; `none` is only of the facts. */
  readonly weight: "risk" | "note" | "none";
  readonly writes?: boolean;
  readonly everything?: boolean;
}

const riskOf = ({ is, remedy }: Finding): Risk => ({ is, remedy });

function keysOf({ on, privileges, roles }: Grant): string[] {
  return [...privileges.map(({ text }) => `${text} ON ${on?.text}`), ...roles];
}

function withoutKnown(grant: Grant, known: ReadonlySet<string>): Grant {
  const privileges = grant.privileges.filter(({ text }) => !known.has(`${text} ON ${grant.on?.text}`));
  const passable = grant.passable && privileges.length > 0;
  return { ...grant, privileges, passable, roles: grant.roles.filter((role) => !known.has(role)) };
}

function findingsOf(grant: Grant, facts: Facts): Finding[] {
  const { on } = grant;
  if (on === undefined) return passableRoles(grant);
  return [...ofTarget(grant, on, facts), ...passablePrivileges(grant, on)];
}

function passableRoles({ roles, passable, to }: Grant): Finding[] {
  if (!passable) return [];
  return roles.map((role) => ({
    weight: "risk",
    is: `may give the role ${role} to others (ADMIN OPTION)`,
    remedy: `REVOKE ${role} FROM ${to}; GRANT ${role} TO ${to}`,
  }));
}

function passablePrivileges({ passable, to }: Grant, on: Target): Finding[] {
  // Whoever may become another user may pass that on; it goes with the privilege itself.
  if (!passable || on.kind === "user") return [];
  const is = `may give its privileges on ${on.text} to others (GRANT OPTION)`;
  return [{ weight: "risk", is, remedy: `REVOKE GRANT OPTION ON ${on.text} FROM ${to}` }];
}

function ofTarget(grant: Grant, on: Target, facts: Facts): Finding[] {
  switch (on.kind) {
    case "server":
      return ofServer(grant, facts);
    case "user":
      return [finding("risk", "may become another user", grant, grant.privileges)];
    case "routine":
      return [];
    default:
      return covers(on, "mysql") ? ofAccounts(grant, on) : covers(on, facts.database) ? ofData(grant, on) : [];
  }
}

const everything = "ALL PRIVILEGES";
const mayDoEverything = "may do everything at the server";
/** More of them than this are all, one by one. */
const many = 20;

const changing = new Set(["INSERT", "UPDATE", "DELETE"]);
const shaping = new Set([
  ...["CREATE", "DROP", "ALTER", "INDEX", "TRIGGER", "EVENT", "LOCK TABLES", "DELETE HISTORY"],
  ...["CREATE VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "CREATE TABLESPACE"],
]);

/** What each does to the whole server; the first whose pattern fits. */
const administrative: readonly (readonly [names: RegExp, effect: string])[] = [
  [/^SUPER$/, "is an administrator of the server"],
  [/^PROCESS$/, "sees other users' statements"],
  [
    /^(?:CREATE USER|(?:CREATE|DROP) ROLE|ROLE_ADMIN|SET[ _]USER(?:_ID)?|SET_ANY_DEFINER|ALLOW_NONEXISTENT_DEFINER|SYSTEM_USER|APPLICATION_PASSWORD_ADMIN|AUTHENTICATION_POLICY_ADMIN|PASSWORDLESS_USER_ADMIN)$/,
    "may make, change or become other users",
  ],
  [/REPLICA|SLAVE|MASTER|BINLOG|^(?:CLONE|BACKUP)_ADMIN$/, "may copy the whole server, or change how it is copied"],
  [/^EXECUTE$/, "may call every stored routine"],
  [/./, "may administer the server"],
];

/** On the whole server, and nothing but what tells of the data. */
const harmless = new Set([
  ...["USAGE", "SELECT", "SHOW DATABASES", "SHOW VIEW", "SHOW CREATE ROUTINE", "SHOW_ROUTINE", "REFERENCES"],
  ...["CREATE TEMPORARY TABLES", "FIREWALL_EXEMPT", "AUDIT_ABORT_EXEMPT"],
]);

function ofServer(grant: Grant, facts: Facts): Finding[] {
  const { privileges, to } = grant;
  const has = (...names: string[]) => privileges.filter(({ name }) => names.includes(name));
  if (has(everything).length > 0 || privileges.length > many) {
    const reading = `GRANT SELECT ON ${quoteIdentifier(facts.database)}.* TO ${to}`;
    const remedy = `REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${to}; ${reading}`;
    return [{ weight: "risk", is: mayDoEverything, remedy, writes: true, everything: true }];
  }
  const changes = privileges.filter(({ name }) => changing.has(name) || shaping.has(name));
  const rest = privileges.filter((one) => !changes.includes(one) && !harmless.has(one.name) && one.name !== "FILE");
  const effects = Map.groupBy(rest, ({ name }) => administrative.find(([names]) => names.test(name))?.[1] ?? "");
  return [
    finding("note", "may read every database, the accounts' password hashes among them", grant, has("SELECT")),
    finding(facts.filesReach ? "risk" : "note", "may read and write files of the server", grant, has("FILE")),
    {
      ...finding("risk", "may change every database, the server's accounts among them", grant, changes),
      writes: changes.some(({ name }) => changing.has(name)),
    },
    ...[...effects].map(([effect, names]) => ({
      ...finding("risk", effect, grant, names),
      everything: names.some(({ name }) => name === "SUPER"),
    })),
  ].filter(({ is }) => is !== "");
}

function ofAccounts(grant: Grant, on: Target): Finding[] {
  const changes = grant.privileges.filter(({ name }) => changing.has(name) || shaping.has(name) || name === everything);
  const reads = grant.privileges.filter(({ name }) => name === "SELECT");
  return [
    { ...finding("risk", `may change the server's accounts on ${on.text}`, grant, changes), writes: true },
    finding("note", `may read the accounts' password hashes on ${on.text}`, grant, reads),
  ].filter(({ is }) => is !== "");
}

/** To change rows is what a user may be granted for; to change the tables is not. */
function ofData(grant: Grant, on: Target): Finding[] {
  const { privileges } = grant;
  const all = privileges.filter(({ name }) => name === everything);
  const shapes = privileges.filter(({ name }) => shaping.has(name));
  const writes = all.length > 0 || privileges.some(({ name }) => changing.has(name));
  const found = finding("note", `may change the tables of ${on.text} themselves`, grant, [...all, ...shapes]);
  if (found.is === "") return [{ weight: "none", is: "", remedy: "", writes }];
  const remedy = all.length > 0 ? `${found.remedy}; GRANT SELECT ON ${on.text} TO ${grant.to}` : found.remedy;
  return [{ ...found, remedy, writes }];
}

/** Nothing, without a name, where there are no such privileges. */
function finding(weight: Finding["weight"], effect: string, grant: Grant, privileges: readonly Privilege[]): Finding {
  if (privileges.length === 0) return { weight: "none", is: "", remedy: "" };
  const names = privileges.map(({ text }) => text).join(", ");
  const remedy = `REVOKE ${names} ON ${grant.on?.text} FROM ${grant.to}`;
  return { weight, is: `${effect} (${names})`, remedy };
}

/** Whether a grant is for a database: its name may be a pattern of LIKE where it is for all its tables. */
function covers({ kind, database }: Target, name: string): boolean {
  const asked = name.toLowerCase();
  const granted = database.toLowerCase();
  return kind === "database" ? isLike(asked, granted) : granted === asked;
}

/** By steps as many as the product of their lengths at most, whatever the server says. */
function isLike(text: string, pattern: string): boolean {
  const parts = pattern.match(/\\[\s\S]|[\s\S]/g) ?? [];
  const fits = (part: string | undefined, at: number) =>
    at < text.length && (part === "_" || (part !== "%" && part?.at(-1) === text[at]));
  let [at, next, wildcard, tried] = [0, 0, -1, 0];
  while (at < text.length) {
    if (fits(parts[next], at)) [at, next] = [at + 1, next + 1];
    else if (parts[next] === "%") [wildcard, tried, next] = [next, at, next + 1];
    else if (wildcard >= 0) [tried, at, next] = [tried + 1, tried + 1, wildcard + 1];
    else return false;
  }
  return parts.slice(next).every((part) => part === "%");
}
