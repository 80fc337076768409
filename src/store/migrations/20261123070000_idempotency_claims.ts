import { Migration } from "@mikro-orm/migrations";

/** A key knows which call has it. */
export class IdempotencyClaims extends Migration {
  override readonly name = "20261123070000_idempotency_claims";

  override up(): void {
    // A replica of before names none; what it settles, it settles by the key alone.
    this.addSql("ALTER TABLE idempotency_key ADD COLUMN claim uuid NOT NULL DEFAULT gen_random_uuid()");
  }
}
