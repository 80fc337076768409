/** Every way to authenticate: what a connector says of it, and the secret it goes with. */
import { z } from "zod";
import { awsSigV4Config, awsSigV4Credential } from "./aws-sigv4.ts";
import { mtlsConfig, mtlsCredential } from "./certificate.ts";
import { hmacConfig, hmacCredential } from "./hmac.ts";
import {
  authorizationCodeConfig,
  authorizationCodeCredential,
  clientCredentialsConfig,
  clientCredentialsCredential,
  jwtBearerConfig,
  jwtBearerCredential,
  refreshTokenConfig,
  refreshTokenCredential,
} from "./oauth/declaration.ts";
import {
  apiKeyConfig,
  apiKeyCredential,
  basicConfig,
  basicCredential,
  bearerConfig,
  bearerCredential,
} from "./plain.ts";

const noneConfig = z.strictObject({ type: z.literal("none").describe("The source asks nobody who they are.") });
const noneCredential = z.strictObject({ type: z.literal("none") });

export const authenticationConfig = z
  .discriminatedUnion("type", [
    noneConfig,
    apiKeyConfig,
    bearerConfig,
    basicConfig,
    hmacConfig,
    awsSigV4Config,
    mtlsConfig,
    clientCredentialsConfig,
    authorizationCodeConfig,
    refreshTokenConfig,
    jwtBearerConfig,
  ])
  .describe("How requests show who sends them. The secrets are the credential, of the same type.");

export const authenticationCredential = z
  .discriminatedUnion("type", [
    noneCredential,
    apiKeyCredential,
    bearerCredential,
    basicCredential,
    hmacCredential,
    awsSigV4Credential,
    mtlsCredential,
    clientCredentialsCredential,
    authorizationCodeCredential,
    refreshTokenCredential,
    jwtBearerCredential,
  ])
  .describe("The secrets of the authentication, of the same type as it.");

export type AuthenticationConfig = z.output<typeof authenticationConfig>;
export type AuthenticationCredential = z.output<typeof authenticationCredential>;
