/** A socket to the service's own database. */
import { Socket } from "node:net";

/**
 * The driver's parser throws at bytes that are no message, from within the socket's event,
 * where nobody catches it: here that ends the connection, and not the service. An encrypted
 * connection is ended by TLS before the driver sees such bytes.
 */
export class StoreSocket extends Socket {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    try {
      return super.emit(event as never, ...(values as never[]));
    } catch (cause) {
      if (event !== "data") throw cause;
      const error = new Error("The service's database has sent what is no message.", { cause });
      this.destroy(Object.assign(error, { code: "EPROTO" }));
      return true;
    }
  }
}
