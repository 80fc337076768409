import { Migration } from "@mikro-orm/migrations";

/**
 * What agents may do with connectors, what they have used of it, and API keys that are made
 * for an agent. Whoever listens is told of every grant that is made, changed or taken back,
 * by whomever, when that is committed.
 */
export class AgentGrants extends Migration {
  override readonly name = "20261123050000_agent_grants";

  override up(): void {
    for (const statement of [grants, usage]) this.addSql(statement);
    for (const table of ["connector_grant", "grant_usage"]) {
      this.addSql(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      this.addSql(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      this.addSql(`CREATE POLICY organization_isolation ON ${table} TO connector_application
        USING (organization_id = NULLIF(current_setting('app.organization_id', true), ''))
        WITH CHECK (organization_id = NULLIF(current_setting('app.organization_id', true), ''))`);
    }
    this.addSql("GRANT SELECT, INSERT, UPDATE, DELETE ON connector_grant TO connector_application");
    this.addSql("GRANT SELECT, INSERT, UPDATE ON grant_usage TO connector_application");
    for (const statement of [tell, trigger]) this.addSql(statement);
    this.addSql("ALTER TABLE api_key ADD COLUMN agent varchar(255) NOT NULL DEFAULT ''");
  }
}

/** It ends with its connector. The terms are written and read as one, by the service alone. */
const grants = `CREATE TABLE connector_grant (
  organization_id varchar(64) NOT NULL,
  agent varchar(255) COLLATE "C" NOT NULL,
  connector_id uuid NOT NULL,
  terms jsonb NOT NULL,
  expire_time timestamptz(3),
  create_time timestamptz(3) NOT NULL,
  PRIMARY KEY (organization_id, agent, connector_id),
  CONSTRAINT connector_grant_connector FOREIGN KEY (organization_id, connector_id)
    REFERENCES connector (organization_id, id) ON DELETE CASCADE,
  CONSTRAINT connector_grant_organization_id_check CHECK (organization_id <> ''),
  CONSTRAINT connector_grant_agent_check CHECK (agent ~ '^[!-~]+$'),
  CONSTRAINT connector_grant_terms_check CHECK (jsonb_typeof(terms) = 'object')
)`;

/** One row for each unit and window: it begins anew with the window. */
const usage = `CREATE TABLE grant_usage (
  organization_id varchar(64) NOT NULL,
  agent varchar(255) COLLATE "C" NOT NULL,
  connector_id uuid NOT NULL,
  unit varchar(7) NOT NULL,
  window_ms bigint NOT NULL,
  window_start timestamptz(3) NOT NULL,
  used bigint NOT NULL,
  PRIMARY KEY (organization_id, agent, connector_id, unit, window_ms),
  CONSTRAINT grant_usage_grant FOREIGN KEY (organization_id, agent, connector_id)
    REFERENCES connector_grant (organization_id, agent, connector_id) ON DELETE CASCADE,
  CONSTRAINT grant_usage_organization_id_check CHECK (organization_id <> ''),
  CONSTRAINT grant_usage_unit_check CHECK (unit IN ('calls', 'rows', 'bytes', 'time')),
  CONSTRAINT grant_usage_window_ms_check CHECK (window_ms > 0)
)`;

/** An agent's name may hold a slash; an organization's and an id hold none. */
const tell = `CREATE FUNCTION connector_grant_changed_fn() RETURNS trigger
  LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    IF TG_OP <> 'UPDATE' OR OLD IS DISTINCT FROM NEW THEN
      PERFORM pg_notify('grant_changed', concat_ws('/',
        coalesce(NEW.organization_id, OLD.organization_id),
        coalesce(NEW.connector_id, OLD.connector_id),
        coalesce(NEW.agent, OLD.agent)));
    END IF;
    RETURN NULL;
  END
  $$`;

const trigger = `CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON connector_grant
  FOR EACH ROW EXECUTE FUNCTION connector_grant_changed_fn()`;
