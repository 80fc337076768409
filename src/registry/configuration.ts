/** A connector's configuration and credential, checked by what its provider declares. */
import type { z } from "zod";
import { type FieldViolation, invalidRequest } from "../failure.ts";
import { complaint, helpful } from "../providers/contract/complaint.ts";
import type { Provider } from "../providers/contract.ts";

export type Json = Readonly<Record<string, unknown>>;

/**
 * The configuration with its defaults filled in.
 *
 * @param path Where it stands in the request: `config`, `connector.config`.
 * @throws Failure of kind `invalid_request` with every wrong field
 */
export function checkConfig(provider: Provider, config: Json, path: string): Json {
  const checked = check(provider.config, config, path);
  if ("violations" in checked) throw invalid(checked.violations);
  return checked.value as Json;
}

/**
 * As `checkConfig`; no message holds any part of a credential's values.
 *
 * @param config Checked; the credential must fit it.
 */
export function checkCredential(provider: Provider, config: Json, credential: Json | undefined, path: string): unknown {
  const checked = check(provider.credential, credential, path);
  if ("violations" in checked) throw invalid(checked.violations);
  const misfits = provider.misfits?.(config, checked.value) ?? [];
  if (misfits.length > 0) throw invalid(misfits.map((each) => ({ ...each, field: `${path}.${each.field}` })));
  return checked.value;
}

/** Both at once, so that a caller hears of all that is wrong. */
export function checkConfigAndCredential(
  provider: Provider,
  config: Json,
  credential: Json | undefined,
): { config: Json; credential: unknown } {
  const checkedConfig = check(provider.config, config, "config");
  const checkedCredential = check(provider.credential, credential, "credential");
  const violations = [checkedConfig, checkedCredential].flatMap((each) =>
    "violations" in each ? each.violations : [],
  );
  if ("violations" in checkedConfig || "violations" in checkedCredential) throw invalid(violations);
  const checked = checkedConfig.value as Json;
  return { config: checked, credential: checkCredential(provider, checked, credential, "credential") };
}

/**
 * What takes a while to be found out of a whole config, checked or not.
 *
 * @param path As of `checkConfig`.
 * @throws Failure of kind `invalid_request` with every wrong field
 */
export async function examine(provider: Provider, given: Json, tenant: string, path: string): Promise<void> {
  const violations = (await provider.examine?.(given, tenant)) ?? [];
  if (violations.length > 0) throw invalid(violations.map((each) => ({ ...each, field: `${path}.${each.field}` })));
}

type Checked = { readonly value: unknown } | { readonly violations: FieldViolation[] };

function check(schema: z.ZodType, value: unknown, path: string): Checked {
  const result = schema.safeParse(value, { error: complaint });
  if (result.success) return { value: result.data };
  return {
    violations: result.error.issues.flatMap(helpful).flatMap((issue): FieldViolation[] => {
      const field =
        path + issue.path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
      if (issue.code !== "unrecognized_keys") return [{ field, description: issue.message }];
      return issue.keys.map((key) => ({ field: `${field}.${key.slice(0, 100)}`, description: issue.message }));
    }),
  };
}

function invalid(violations: FieldViolation[]) {
  const [first, ...more] = violations;
  return invalidRequest(first ?? { field: "config", description: "is not valid" }, ...more);
}
