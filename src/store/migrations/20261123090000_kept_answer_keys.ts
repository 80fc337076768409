import { Migration } from "@mikro-orm/migrations";

/**
 * Whoever wraps credentials anew wraps the answers that are kept for idempotency keys, too.
 * They are found without an index: every action would pay for what is looked for once a year.
 */
export class KeptAnswerKeys extends Migration {
  override readonly name = "20261123090000_kept_answer_keys";

  override up(): void {
    this.addSql(`CREATE POLICY keys_read ON idempotency_key FOR SELECT TO connector_keys
      USING (sealed_answer IS NOT NULL)`);
    this.addSql(`CREATE POLICY keys_rewrap ON idempotency_key FOR UPDATE TO connector_keys
      USING (sealed_answer IS NOT NULL) WITH CHECK (sealed_answer IS NOT NULL)`);
    this.addSql(`GRANT SELECT (organization_id, method, key, connector_id, create_time, sealed_answer),
      UPDATE (sealed_answer) ON idempotency_key TO connector_keys`);
  }
}
