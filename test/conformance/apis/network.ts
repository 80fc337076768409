/** Connectors whose configuration has a `base_url`. */
import type { Network, Target } from "../fixture.ts";

const addressOf: Network["addressOf"] = ({ config }) => {
  const { hostname, port } = new URL(String(config.base_url));
  return { host: hostname, port: Number(port) };
};

/** @param scheme with which the API is asked */
function networkOf(strange: string, hostFor: (host: string) => string): Network {
  return {
    addressOf,
    strange,
    at(target, { host, port }) {
      const url = new URL(String(target.config.base_url));
      url.hostname = hostFor(host);
      url.port = String(port);
      return { ...target, config: { ...target.config, base_url: url.href.replace(/\/$/, "") } };
    },
  };
}

const ssh = "SSH-2.0-OpenSSH_9.9\r\n";

export const baseUrl = networkOf(ssh, (host) => host);
/** The server's certificate is for its name. */
export const localhost = networkOf(ssh, (host) => (host === "127.0.0.1" ? "localhost" : host));

/** A target whose base URL is another. */
export const withBase =
  (other: (base: string) => string) =>
  (target: Target): Target => {
    return { ...target, config: { ...target.config, base_url: other(String(target.config.base_url)) } };
  };
