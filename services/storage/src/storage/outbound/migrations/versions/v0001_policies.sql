-- A session sees and writes the tenants it was told of in this transaction, and none when it was told nothing.
-- The subselect is evaluated once per statement, not once per row.
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['claims', 'claim_lines', 'findings', 'bodies', 'transitions', 'idempotency_keys',
    'service_keys', 'provider_days', 'audit_heads', 'audit_entries', 'outbox'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY tenants_of_the_transaction ON %I USING (tenant = ANY '
      '((SELECT string_to_array(current_setting(''ultrathink.tenants'', true), '',''))::text[]))', target);
  END LOOP;
END $$
----
REVOKE ALL ON SCHEMA ultrathink FROM PUBLIC
----
REVOKE ALL ON FUNCTION prepare_month(bigint, bigint, text) FROM PUBLIC
----
GRANT USAGE ON SCHEMA ultrathink TO ultrathink_app
----
GRANT SELECT ON tenants, platform, alembic_version TO ultrathink_app
----
-- Nothing recorded is ever deleted by the application, and audit entries are never changed either.
GRANT SELECT, INSERT ON claim_lines, findings, bodies, transitions, audit_entries TO ultrathink_app
----
GRANT SELECT, INSERT, UPDATE ON claims, audit_heads, provider_days, objects TO ultrathink_app
----
GRANT SELECT, INSERT, DELETE ON idempotency_keys, service_keys, outbox TO ultrathink_app
----
GRANT USAGE ON SEQUENCE outbox_position_seq TO ultrathink_app
----
GRANT EXECUTE ON FUNCTION prepare_month(bigint, bigint, text) TO ultrathink_app
