-- Who works with the service's database, for psql 15 or newer and an administrator of the server:
--
--   CONNECTOR_PASSWORD=… BACKUP_PASSWORD=… psql -v ON_ERROR_STOP=1 -f users.sql <database>
--
-- It can be run again at any time, and before a backup is restored into an empty server it has to be.
\getenv service_password CONNECTOR_PASSWORD
\getenv backup_password BACKUP_PASSWORD

-- The service becomes one of these for each transaction; none can log in.
SELECT format('CREATE ROLE %I NOLOGIN', name)
FROM unnest(ARRAY['connector_owner', 'connector_application', 'connector_audit', 'connector_keys']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- The service logs in as this one, who owns nothing and has none of their privileges by itself.
SELECT 'CREATE ROLE connector LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'connector') \gexec
ALTER ROLE connector PASSWORD :'service_password';

-- Backups read all rows of all organizations, and change nothing.
SELECT 'CREATE ROLE connector_backup LOGIN BYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'connector_backup') \gexec
ALTER ROLE connector_backup PASSWORD :'backup_password';
GRANT pg_read_all_data TO connector_backup;

SELECT format('GRANT %I TO connector %s', name,
  CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'WITH INHERIT FALSE, SET TRUE' END)
FROM unnest(ARRAY['connector_owner', 'connector_application', 'connector_audit', 'connector_keys']) AS name \gexec
SELECT 'ALTER ROLE connector NOINHERIT' WHERE current_setting('server_version_num')::int < 160000 \gexec

-- Migrations make what they make as the owner; the first one's tables are made by the user, and given away.
GRANT CREATE, USAGE ON SCHEMA public TO connector_owner;
GRANT CREATE, USAGE ON SCHEMA public TO connector;
GRANT USAGE ON SCHEMA public TO connector_application, connector_audit, connector_keys;
