/** Where spans are exported, by OpenTelemetry's own variables, and to which sources traces go on. */
import { validateHeaderValue } from "node:http";
import { z } from "zod";
import { type ExportConfig, samplers } from "../observability/tracing.ts";
import { Secret } from "../vault/secret.ts";
import { whole } from "./kinds.ts";

export interface TracesConfig {
  /** Undefined: no span is recorded. */
  readonly exported: ExportConfig | undefined;
  /** Whether HTTP APIs are sent the header `traceparent`, and databases a comment that says the same. */
  readonly to: { readonly headers: boolean; readonly comments: boolean };
}

/** @param query Whether it may have one */
const endpoint = (query: boolean) =>
  z
    .string()
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
    }, "must be an http or https URL without a user: http://collector:4318")
    .refine(
      (text) => !text.includes("#") && (query || !text.includes("?")),
      query
        ? "must be without a fragment, which is never sent"
        : "must be without ? and #, since /v1/traces is put behind it",
    );

/** `name=value,name=value`, percent-encoded, as W3C Baggage has it without properties. */
const pairs = z.string().transform((text, context) => {
  const problem = () => {
    context.addIssue("must be written as name=value,name=value, percent-encoded");
    return z.NEVER;
  };
  const read: (readonly [string, Secret])[] = [];
  for (const pair of text.split(",")) {
    const [, name, value] = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*([\x21-\x7e]*)\s*$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) return problem();
    try {
      const decoded = decodeURIComponent(value);
      if (!isSendable(name, decoded)) {
        context.addIssue(`must have values that HTTP can carry: that of ${name} has a line break, or the like`);
        return z.NEVER;
      }
      read.push([name, new Secret(decoded)]);
    } catch {
      return problem();
    }
  }
  return read;
});

function isSendable(name: string, value: string): boolean {
  try {
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

const ratioHint = "must be a number from 0 to 1";
const ratio = z.coerce.number(ratioHint).min(0, ratioHint).max(1, ratioHint);
const onOff = z.enum(["on", "off"], "must be on or off");

export const traceVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(false).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint(true).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: pairs.default([]),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: pairs.optional(),
  OTEL_SERVICE_NAME: z.string().max(255, "must be of 255 characters at most").default("connector-service"),
  OTEL_TRACES_SAMPLER: z.enum(samplers, `must be one of ${samplers.join(", ")}`).default("parentbased_always_on"),
  OTEL_TRACES_SAMPLER_ARG: ratio.default(1),
  OTEL_BSP_SCHEDULE_DELAY: whole(1, 60_000).default(1_000),
  TRACE_HTTP_HEADERS: onOff.default("on"),
  TRACE_SQL_COMMENTS: onOff.default("off"),
};

const variables = z.object(traceVariables);

/** @param ca Certificates in PEM that are trusted besides those that Node does */
export function tracesOf(values: z.output<typeof variables>, ca: string | undefined): TracesConfig {
  const to = { headers: values.TRACE_HTTP_HEADERS === "on", comments: values.TRACE_SQL_COMMENTS === "on" };
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base } = values;
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/+$/, "")}/v1/traces`);
  if (url === undefined) return { exported: undefined, to };
  const headers = values.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? values.OTEL_EXPORTER_OTLP_HEADERS;
  const serviceName = values.OTEL_SERVICE_NAME;
  const { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio } = values;
  const gatherMs = values.OTEL_BSP_SCHEDULE_DELAY;
  return { exported: { url, headers, serviceName, gatherMs, ca, sampler, ratio }, to };
}
