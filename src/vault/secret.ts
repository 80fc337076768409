/** A secret in memory, in a form that doesn't slip into logs, errors and answers. */
import { inspect } from "node:util";

const mask = "[secret]";

/**
 * Holds a secret, and shows `[secret]` to JSON, text, template literals and
 * `util.inspect`. Only `reveal` gives it, where it is sent.
 */
export class Secret<Value = string> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  reveal(): Value {
    return this.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [Symbol.toPrimitive](): string {
    return mask;
  }

  [inspect.custom](): string {
    return mask;
  }
}
