/** What the configuration of a connector to a database server has, whichever server it is. */
import { z } from "zod";
import { hostHint, isHost } from "../../egress/name.ts";
import { authorities } from "../connections/authorities.ts";

/** A text that a server's protocol can carry, which ends texts with a NUL. */
export const textOf = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .refine((text) => !text.includes("\0"), "must not hold a NUL character");

export const host = z.string().max(253).refine(isHost, hostHint).describe("The server's host name or IP address.");

export const portOr = (usual: number) => z.int().min(1).max(65_535).default(usual).describe("The server's port.");

export const tls = z
  .enum(["verify_full", "verify_ca", "disable"])
  .default("verify_full")
  .describe(
    "verify_full: encrypted, the certificate verified and issued for this host. verify_ca: the host's name may differ. disable: not encrypted; only where the network is trusted.",
  );

export const ca = authorities.describe(
  "Certificates in PEM of the authorities that sign the server's, each from its root on, trusted instead of all others. Without it: the public ones, and those that the operator adds.",
);

export const passwordCredential = z.strictObject({ password: textOf(1_000).describe("The user's password.") });
