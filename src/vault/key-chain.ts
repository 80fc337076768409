/** Several holders of keys as one, so that a service can go from one to another. */
import type { KeyInfo, KeyProvider } from "./key-provider.ts";

/** The first that has a primary key wraps; what is primary for a later one only unwraps. */
export function keyChain(holders: readonly KeyProvider[]): KeyProvider {
  /** What the first holder has that has it. */
  const first = async <T>(ask: (holder: KeyProvider) => Promise<T | undefined>): Promise<T | undefined> => {
    for (const holder of holders) {
      const answer = await ask(holder);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };

  return {
    async list() {
      const found = new Map<string, KeyInfo>();
      let primary: string | undefined;
      for (const info of (await Promise.all(holders.map((holder) => holder.list()))).flat()) {
        if (found.has(info.id)) continue;
        const isSecond = info.state === "primary" && primary !== undefined;
        found.set(info.id, isSecond ? { ...info, state: "decrypt-only" } : info);
        if (info.state === "primary") primary ??= info.id;
      }
      return [...found.values()];
    },
    wrap: (dek, additionalData) => first((holder) => holder.wrap(dek, additionalData)),
    unwrap: (keyId, wrapped, additionalData) => first((holder) => holder.unwrap(keyId, wrapped, additionalData)),
  };
}
