-- Holds what a provider's lists are sorted and narrowed by: tens of thousands of entries are read and sorted without their
-- claims, see listing.py.
CREATE INDEX claims_by_provider_and_values ON claims (provider_id, tenant, id)
  INCLUDE (probability, at_risk_minor, submitted_minor, verdict, review_status)
----
DROP INDEX claims_by_provider
----
-- An entry stands for its claim only once a vacuum has seen the claim's page. Left to its defaults it comes when a month
-- has grown by a fifth; it looks at new pages alone, so coming ten times as often costs no more.
DO $$
DECLARE
  part record;
BEGIN
  FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'claims'::regclass LOOP
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_scale_factor = 0.02)', part.relname);
  END LOOP;
END $$
----
-- Makes the partitions of one month. The application owns nothing, so this runs as the owner.
CREATE OR REPLACE FUNCTION prepare_month(from_ms bigint, until_ms bigint, suffix text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ultrathink, pg_temp AS $$
DECLARE
  parent text;
BEGIN
  IF suffix !~ '^\d{4}_\d{2}$' OR until_ms - from_ms NOT BETWEEN 27 * 86400000::bigint AND 32 * 86400000::bigint THEN
    RAISE EXCEPTION 'not a month' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('ultrathink.prepare_month'));
  FOREACH parent IN ARRAY ARRAY['claims', 'claim_lines', 'findings', 'bodies', 'transitions', 'line_outcomes'] LOOP
    IF to_regclass(format('ultrathink.%I', parent || '_' || suffix)) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
        parent || '_' || suffix, parent, id_floor(from_ms), id_floor(until_ms));
      IF parent = 'claims' THEN
        EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_scale_factor = 0.02)', parent || '_' || suffix);
      END IF;
    END IF;
  END LOOP;
END $$
