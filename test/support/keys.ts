/** The keys that the tests' services run with; no output of theirs may hold them. */
export const signingKey = `${"5a".repeat(31)}01`;
export const encryptionKey = `${"4b".repeat(31)}02`;
