/** Whom a connector's configuration trusts to sign a server's certificate. */
import { z } from "zod";
import { certificatesProblem } from "../../egress/certificates.ts";

/** Certificates in PEM; what can't be read of them is said where they stand. */
export const authorities = z
  .string()
  .max(100_000)
  .superRefine((pem, context) => {
    const problem = certificatesProblem(pem);
    if (problem !== undefined) context.addIssue(problem);
  })
  .optional();
