/**
 * A request, or parts of one, as text that is the same for the same request: what a page
 * token is bound to. The order of a map's entries means nothing, and some clients send
 * another one with every call.
 */
export function canonical(...parts: readonly unknown[]): string {
  return JSON.stringify(parts, (_key, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    // JSON would make null of what is not finite.
    if (typeof value === "number" && !Number.isFinite(value)) return String(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** What is made for an agent is bound to it, besides. */
export function boundTo(agent: string | undefined): readonly string[] {
  return agent === undefined ? [] : [agent];
}
