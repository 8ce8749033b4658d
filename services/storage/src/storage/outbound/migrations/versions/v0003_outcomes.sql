-- The print of the features a score was given for, and what history knew of the parties then (over 90 days).
ALTER TABLE claims ADD COLUMN feature_hash bigint, ADD COLUMN provider_net_minor bigint,
  ADD COLUMN patient_net_minor bigint, ADD COLUMN provider_claims integer, ADD COLUMN provider_denied integer,
  ADD COLUMN patient_claims integer, ADD COLUMN patient_denied integer
----
-- What a source said of the lines of a claim, added with the revision that brought it: the latest one counts.
CREATE TABLE line_outcomes (
  id uuid NOT NULL,
  at_ms bigint NOT NULL,
  allowed_minor bigint,
  paid_minor bigint,
  revision integer NOT NULL,
  line integer NOT NULL,
  tenant text NOT NULL,
  source text NOT NULL CHECK (source IN ('payer', 'reviewer')),
  outcome text NOT NULL CHECK (outcome IN ('approved', 'partial', 'denied')),
  nphies text,
  carc text,
  PRIMARY KEY (tenant, id, revision, line)
) PARTITION BY RANGE (id)
----
-- The months that are there already.
DO $$
DECLARE
  part record;
BEGIN
  FOR part IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'claims'::regclass LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF line_outcomes %s',
      replace(part.relname, 'claims', 'line_outcomes'), part.bound);
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
    END IF;
  END LOOP;
END $$
----
ALTER TABLE line_outcomes ENABLE ROW LEVEL SECURITY
----
ALTER TABLE line_outcomes FORCE ROW LEVEL SECURITY
----
CREATE POLICY tenants_of_the_transaction ON line_outcomes USING (tenant = ANY
  ((SELECT string_to_array(current_setting('ultrathink.tenants', true), ','))::text[]))
----
GRANT SELECT, INSERT ON line_outcomes TO ultrathink_app
----
-- `record_change`, and in the same transaction what a late score was given for (p_inputs, in the order of the
-- columns that record takes from 36 on) and what one source said of lines (o_*).
CREATE FUNCTION record_change_with_outcomes(
  p_tenant text, p_chain text, p_id uuid, p_expected integer, p_event text, p_decision bytea, p_verdict text,
  p_wire text, p_business text, p_review text, p_score text, p_probability double precision, p_at_risk bigint,
  p_model text, p_note text, p_subject text, p_at_ms bigint, p_canonical text, p_document bytea,
  p_inputs bigint[], o_source text, o_at_ms bigint, o_line integer[], o_outcome text[], o_nphies text[],
  o_carc text[], o_allowed bigint[], o_paid bigint[]
) RETURNS integer LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  missing CONSTANT bigint := -9223372036854775808;
  made integer := record_change(p_tenant, p_chain, p_id, p_expected, p_event, p_decision, p_verdict, p_wire,
    p_business, p_review, p_score, p_probability, p_at_risk, p_model, p_note, p_subject, p_at_ms, p_canonical,
    p_document);
BEGIN
  IF made <= 0 THEN
    RETURN made;
  END IF;
  IF cardinality(p_inputs) > 0 THEN
    UPDATE claims SET feature_hash = nullif(p_inputs[1], missing), provider_claims = nullif(p_inputs[2], missing),
        provider_denied = nullif(p_inputs[3], missing), provider_net_minor = nullif(p_inputs[4], missing),
        patient_claims = nullif(p_inputs[5], missing), patient_denied = nullif(p_inputs[6], missing),
        patient_net_minor = nullif(p_inputs[7], missing)
      WHERE claims.tenant = p_tenant AND claims.id = p_id;
  END IF;
  INSERT INTO line_outcomes (id, at_ms, allowed_minor, paid_minor, revision, line, tenant, source, outcome, nphies,
      carc)
    SELECT p_id, o_at_ms, nullif(o_allowed[o], missing), nullif(o_paid[o], missing), made, o_line[o], p_tenant,
      o_source, o_outcome[o], nullif(o_nphies[o], ''), nullif(o_carc[o], '')
    FROM generate_series(1, cardinality(o_line)) o;
  RETURN made;
END $$
