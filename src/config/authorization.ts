/** Where browsers reach the service, and where they may go when a user has granted a connector access. */
import { z } from "zod";
import { list } from "./kinds.ts";

export interface AuthorizationConfig {
  /** `https://connectors.example.com`, without a slash at the end; undefined: users grant nothing in browsers. */
  readonly publicUrl: string | undefined;
  /** `https://app.example.com`. */
  readonly returnOrigins: readonly string[];
}

export const authorizationVariables = {
  PUBLIC_URL: z
    .string()
    .refine(
      (text) => isBrowsable(text) && !/[?#]/.test(text),
      "must be an https URL of host, port and path, or an http one of this machine",
    )
    .optional(),
  AUTHORIZATION_RETURN_ORIGINS: list
    .refine(
      (origins) => origins.every((each) => isBrowsable(each) && URL.parse(each)?.origin === each),
      "must be https origins with commas between, such as https://app.example.com, or http ones of this machine",
    )
    .default([]),
};

const variables = z.object(authorizationVariables);

export function authorizationOf(values: z.output<typeof variables>): AuthorizationConfig {
  return {
    publicUrl: values.PUBLIC_URL === undefined ? undefined : new URL(values.PUBLIC_URL).href.replace(/\/+$/, ""),
    returnOrigins: values.AUTHORIZATION_RETURN_ORIGINS,
  };
}

/** What a browser brings goes over the network: in the clear on this machine only. */
function isBrowsable(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return (
    url.protocol === "https:" || (url.protocol === "http:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname))
  );
}
