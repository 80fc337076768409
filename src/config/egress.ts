/** Where connectors may go: what EGRESS_ALLOW lists, and what a file of the operator's adds to it. */
import { z } from "zod";
import { type EgressConfig, parseRule, ruleHint } from "../egress/rules.ts";
import { list } from "./kinds.ts";

const rule = z.string().refine(isRule, ruleHint);

/** The text of EGRESS_ALLOW. */
export const egressRules = list.pipe(z.array(rule));

function isRule(text: string): boolean {
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

type Policy = z.output<typeof schema>;

/** The text of EGRESS_POLICY_FILE, parsed; each issue names its entry: `organizations.acme.allow[0]`. */
export const egressPolicy = z.string().transform((text, context): Policy => {
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

/** @param isBuiltIn what runs on this machine is what one tries things on, beside the built-in database. */
export function egressOf(allow: readonly string[], policy: Policy | undefined, isBuiltIn: boolean): EgressConfig {
  const here = isBuiltIn ? ["127.0.0.0/8", "::1/128"] : [];
  return { ...policy, allow: [...here, ...allow, ...(policy?.allow ?? [])] };
}
