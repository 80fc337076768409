/** Where connectors may go: what EGRESS_ALLOW lists, and what a file of the operator's adds to it. */
import { z } from "zod";
import { type EgressConfig, parseRule, ruleHint } from "../egress/rules.ts";

const rule = z.string().refine(isRule, ruleHint);

export function isRule(text: string): boolean {
  try {
    parseRule(text);
    return true;
  } catch {
    return false;
  }
}

const rules = {
  allow: z.array(rule).default([]),
  deny: z.array(rule).default([]),
  default: z.enum(["public", "deny"]).optional(),
};

const schema = z.strictObject({
  ...rules,
  organizations: z.record(z.string().min(1), z.strictObject(rules)).default({}),
});

/** The text of EGRESS_POLICY_FILE, parsed; each issue names its entry: `organizations.acme.allow[0]`. */
export const egressPolicy = z.string().transform((text, context): EgressConfig => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    context.addIssue("must be a file of JSON");
    return z.NEVER;
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) {
    context.addIssue(`${path.length === 0 ? "the file" : z.core.toDotPath(path)}: ${message}`);
  }
  return z.NEVER;
});
