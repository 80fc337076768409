/** What is wrong with the service's own database, said without its password. */
import { Failure } from "../failure.ts";

/** A PostgreSQL URL that names a database. @throws Failure "configuration_rejected", which does not repeat it */
export function checkUrl(url: string): void {
  const parsed = URL.parse(url);
  if (parsed !== null && /^postgres(ql)?:$/.test(parsed.protocol) && parsed.pathname.length > 1) return;
  throw new Failure("configuration_rejected", "DATABASE_URL is not the URL of a PostgreSQL database.", {
    where: "service",
    remedy: "Write it as postgres://user:password@host:5432/database, with special characters percent-encoded.",
  });
}

/** Turns the driver's error into one for whoever starts the service. */
export function connectionFailure(url: string, cause: unknown): Failure {
  const { hostname, port, username, pathname } = new URL(url);
  const place = `${hostname || "the local socket"}:${port || 5432}`;
  const user = decodeURIComponent(username);
  const database = decodeURIComponent(pathname.slice(1));
  const code = codeOf(cause);
  const failure = (message: string, remedy: string): Failure =>
    new Failure("configuration_rejected", message, { where: "service", remedy, status: code, cause });
  switch (code) {
    case "28P01":
    case "28000":
      return failure(
        `The database at ${place} refuses the user "${user}".`,
        "Correct the user or the password in DATABASE_URL.",
      );
    case "3D000":
      return failure(`There is no database "${database}" at ${place}.`, "Create it, or name another in DATABASE_URL.");
    case "42501":
      return failure(
        `The user "${user}" may not do what the service's schema needs in "${database}" at ${place}.`,
        "Let the user create tables and roles; or have an administrator run " +
          `CREATE ROLE connector_application NOLOGIN; GRANT connector_application TO ${JSON.stringify(user)};`,
      );
    default:
      return failure(
        `The database at ${place} can't be used (${code}).`,
        "See that it runs and that this host reaches it, or correct DATABASE_URL.",
      );
  }
}

/** The SQLSTATE or the system's code of an error, or of what caused it. */
function codeOf(cause: unknown): string {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if ("code" in error && typeof error.code === "string") return error.code;
    const [first] = error instanceof AggregateError ? error.errors : [];
    if (first !== undefined) return codeOf(first);
  }
  return "no answer";
}
