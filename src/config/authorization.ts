/** Where browsers reach the service, and where they may go when a user has granted a connector access. */
import { z } from "zod";
import { isBrowsable, origins } from "./kinds.ts";

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
  AUTHORIZATION_RETURN_ORIGINS: origins.default([]),
};

const variables = z.object(authorizationVariables);

export function authorizationOf(values: z.output<typeof variables>): AuthorizationConfig {
  return {
    publicUrl: values.PUBLIC_URL === undefined ? undefined : new URL(values.PUBLIC_URL).href.replace(/\/+$/, ""),
    returnOrigins: values.AUTHORIZATION_RETURN_ORIGINS,
  };
}
