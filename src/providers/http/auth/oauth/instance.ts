/** APIs that are at another server for each user, which comes with the token: Salesforce's `instance_url`. */
import { z } from "zod";
import { Failure } from "../../../../failure.ts";
import type { KeptTokens } from "../../../contract/tokens.ts";
import type { HttpRequest } from "../../exchange.ts";

/**
 * One host, or with `*.` in front all below a name of two parts at least: below `*.com` is anybody. So
 * it is below `*.co.uk`, too, which is not refused: no list of such names is kept here.
 */
const hosts = z
  .string()
  .max(253)
  .regex(
    /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\*(?:\.[a-z0-9-]+){2,})$/,
    "must be a host in lower case, or `*.` and two names at least: *.my.salesforce.com",
  );

export const instance = z
  .strictObject({
    member: z.string().min(1).max(100).default("instance_url").describe("Where the token's answer names the server."),
    hosts: z
      .array(hosts)
      .min(1)
      .max(20)
      .describe("The hosts that it may be; the token is sent to no other. *.my.salesforce.com is any below it."),
  })
  .optional()
  .describe(
    "The API is at a server that the token's answer names: its host takes the place of base_url's, whose scheme, port and path stay. Default: it is at base_url.",
  );

type Instance = NonNullable<z.output<typeof instance>>;

/**
 * The request as it goes to the server that the token was given for.
 *
 * @throws Failure `configuration_rejected` when the token's answer names none, `egress_denied` when
 *   it is none of the declared ones
 */
export function atInstance(request: HttpRequest, declared: Instance, { facts }: KeptTokens): HttpRequest {
  const { member } = declared;
  const named = URL.parse(facts[member] ?? "");
  if (named === null) {
    throw new Failure("configuration_rejected", `The authorization server's answer has no URL at \`${member}\`.`, {
      ...{ where: "connector", final: true },
      remedy: "Correct `instance.member`, or leave `instance` out where the API is at `base_url`.",
    });
  }
  const { protocol, port } = request.url;
  const isSame = named.protocol === protocol && named.port === port && named.username === "" && named.password === "";
  if (!isSame || !declared.hosts.some((pattern) => fits(named.hostname, pattern))) {
    throw new Failure("egress_denied", `The authorization server's \`${member}\` is none of the declared servers.`, {
      ...{ where: "egress", final: true },
      remedy:
        "Add its host to `instance.hosts` if it is one of the API's; its scheme and port are those of `base_url`.",
    });
  }
  const url = new URL(request.url);
  url.hostname = named.hostname;
  return { ...request, url };
}

function fits(host: string, pattern: string): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern;
}

/** What the credential is bound to besides, where there is such a declaration. */
export function instanceEndpoint(declared: Instance | undefined): Record<string, string> {
  if (declared === undefined) return {};
  return { instance_member: declared.member, instance_hosts: declared.hosts.join(" ") };
}
