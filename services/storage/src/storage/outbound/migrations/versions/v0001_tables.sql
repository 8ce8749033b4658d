-- Customers of the platform. Not under row-level security: every service may know which exist.
CREATE TABLE tenants (
  tenant text PRIMARY KEY CHECK (tenant ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  display_name text NOT NULL,
  review_threshold double precision NOT NULL DEFAULT 0.5 CHECK (review_threshold BETWEEN 0 AND 1),
  default_regime text NOT NULL DEFAULT 'base' CHECK (default_regime IN ('nphies', 'x12-us', 'base')),
  active boolean NOT NULL DEFAULT true
)
----
INSERT INTO tenants (tenant, display_name) VALUES ('demo', 'Demonstration')
----
-- One row: counts restores, since transaction ids begin again in a restored cluster (see outbox).
CREATE TABLE platform (single boolean PRIMARY KEY DEFAULT true CHECK (single), epoch bigint NOT NULL)
----
INSERT INTO platform (epoch) VALUES (1)
----
-- Narrow and typed. id is a UUIDv7: it holds the instant of receipt, and months are ranges of it.
CREATE TABLE claims (
  id uuid NOT NULL,
  body uuid,
  content_hash bytea NOT NULL,
  submitted_minor bigint,
  payer_share_minor bigint,
  at_risk_minor bigint,
  probability double precision,
  audit_sequence bigint NOT NULL,
  revision integer NOT NULL DEFAULT 1,
  service_from_day integer,
  service_to_day integer,
  body_start integer NOT NULL,
  claim_size integer NOT NULL,
  decision_size integer NOT NULL,
  received_size integer NOT NULL,
  tenant text NOT NULL,
  claim_id text NOT NULL,
  claim_id_system text,
  use text NOT NULL,
  type text NOT NULL,
  regime text,
  provider_id text,
  provider_branch text,
  payer_id text,
  patient_key text,
  currency text,
  verdict text NOT NULL,
  wire_status text NOT NULL,
  business_status text NOT NULL,
  review_status text NOT NULL,
  score_state text,
  model_revision text,
  received_media_type text,
  audit_chain text NOT NULL,
  body_object bytea,
  PRIMARY KEY (tenant, id)
) PARTITION BY RANGE (id)
----
-- The tenant comes second here: a plan made while a month was empty must not take this for the primary key.
CREATE INDEX claims_by_sender_id ON claims (claim_id, tenant)
----
CREATE INDEX claims_by_patient ON claims (patient_key, tenant) WHERE use = 'claim' AND patient_key IS NOT NULL
----
-- The reviewers' queue, dearest first; small, because a decided claim leaves it.
CREATE INDEX claims_in_review ON claims (tenant, at_risk_minor, id) WHERE review_status = 'open'
----
CREATE INDEX claims_unscored ON claims (tenant, id) WHERE score_state = 'not_scored'
----
-- Lines and findings lie in the order of their claims' ids: a BRIN finds a range of claims and costs no write.
CREATE TABLE claim_lines (
  id uuid NOT NULL,
  service_day integer,
  sequence integer NOT NULL,
  quantity_e4 bigint,
  net_minor bigint,
  patient_share_minor bigint,
  at_risk_minor bigint,
  probability double precision,
  tenant text NOT NULL,
  code text,
  system text
) PARTITION BY RANGE (id)
----
CREATE INDEX claim_lines_by_claim ON claim_lines USING brin (id) WITH (pages_per_range = 16, autosummarize = on)
----
CREATE TABLE findings (
  id uuid NOT NULL,
  line integer,
  tenant text NOT NULL,
  rule text NOT NULL,
  severity text NOT NULL,
  path text
) PARTITION BY RANGE (id)
----
CREATE INDEX findings_by_claim ON findings USING brin (id) WITH (pages_per_range = 16, autosummarize = on)
----
-- Documents of the claims of one tenant and batch, one zstd frame; claims point into it.
CREATE TABLE bodies (
  id uuid NOT NULL,
  tenant text NOT NULL,
  content bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY (tenant, id)
) PARTITION BY RANGE (id)
----
-- Revisions after the first; the first is the claim itself until something changes, then it is copied here.
CREATE TABLE transitions (
  id uuid NOT NULL,
  at_ms bigint NOT NULL,
  audit_sequence bigint NOT NULL,
  revision integer NOT NULL,
  tenant text NOT NULL,
  event text NOT NULL,
  verdict text NOT NULL,
  wire_status text NOT NULL,
  business_status text NOT NULL,
  review_status text NOT NULL,
  subject text NOT NULL,
  audit_chain text NOT NULL,
  decision bytea,
  note text,
  PRIMARY KEY (tenant, id, revision)
) PARTITION BY RANGE (id)
----
-- Unique keys cannot span partitions by month, so keys have a table of their own, parted by hash.
CREATE TABLE idempotency_keys (
  id uuid NOT NULL,
  key bytea NOT NULL,
  content_hash bytea NOT NULL,
  tenant text NOT NULL,
  PRIMARY KEY (tenant, key)
) PARTITION BY HASH (key)
----
DO $$ BEGIN
  FOR part IN 0..7 LOOP
    EXECUTE format('CREATE TABLE idempotency_keys_%s PARTITION OF idempotency_keys '
      'FOR VALUES WITH (MODULUS 8, REMAINDER %s) WITH (autovacuum_vacuum_scale_factor = 0.05)', part, part);
  END LOOP;
END $$
----
CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING brin (id) WITH (autosummarize = on)
----
-- Which claims hold a line with this service; one probe, however many months there are. A key is kept as 12
-- bytes of its SHA-256: two services of a tenant meet by chance once in 10^28, at a third of the text's size.
CREATE TABLE service_keys (
  id uuid NOT NULL,
  line integer NOT NULL,
  service_key bytea NOT NULL,
  tenant text NOT NULL
)
----
CREATE INDEX service_keys_by_key ON service_keys (tenant, service_key)
----
CREATE INDEX service_keys_by_age ON service_keys USING brin (id) WITH (autosummarize = on)
----
-- Roll-up for the provider's aggregates; one row per writer, so that writers do not wait for each other.
CREATE TABLE provider_days (
  claims bigint NOT NULL,
  denied bigint NOT NULL,
  net_minor bigint NOT NULL,
  day integer NOT NULL,
  tenant text NOT NULL,
  provider_id text NOT NULL,
  chain text NOT NULL,
  PRIMARY KEY (tenant, provider_id, day, chain)
) WITH (fillfactor = 50)
----
CREATE TABLE audit_heads (
  sequence bigint NOT NULL,
  tenant text NOT NULL,
  chain text NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (tenant, chain)
) WITH (fillfactor = 50)
----
CREATE TABLE audit_entries (
  sequence bigint NOT NULL,
  at_ms bigint NOT NULL,
  id uuid NOT NULL,
  revision integer NOT NULL,
  tenant text NOT NULL,
  chain text NOT NULL,
  event text NOT NULL,
  subject text NOT NULL,
  content_hash bytea NOT NULL,
  document_hash bytea NOT NULL,
  previous_hash bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (tenant, chain, sequence)
)
----
-- The entry of the recording itself is found through its claim; this index holds the rare rest.
CREATE INDEX audit_entries_by_claim ON audit_entries (tenant, id) WHERE event <> 'claim.recorded'
----
-- Published changes. Positions are given before commit, so their order is not the order of commits: readers
-- go by (xid, position) and only past transactions that can have no earlier one still running.
CREATE TABLE outbox (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  position bigserial NOT NULL,
  id uuid NOT NULL,
  at_ms bigint NOT NULL,
  tenant text NOT NULL,
  claim_id text NOT NULL,
  event text NOT NULL,
  verdict text NOT NULL,
  wire_status text NOT NULL,
  business_status text NOT NULL,
  review_status text NOT NULL,
  PRIMARY KEY (tenant, xid, position)
)
----
-- What the object store holds; objects belong to the platform (bundles, packs, large bodies), named by hash.
CREATE TABLE objects (
  sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
  size bigint NOT NULL,
  stored_at_ms bigint NOT NULL,
  kind text NOT NULL
)
----
-- The smallest id of a millisecond.
CREATE FUNCTION id_floor(ms bigint) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(ms), 12, '0') || repeat('0', 20))::uuid
$$
----
-- Makes the partitions of one month. The application owns nothing, so this runs as the owner.
CREATE FUNCTION prepare_month(from_ms bigint, until_ms bigint, suffix text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ultrathink, pg_temp AS $$
DECLARE
  parent text;
BEGIN
  IF suffix !~ '^\d{4}_\d{2}$' OR until_ms - from_ms NOT BETWEEN 27 * 86400000::bigint AND 32 * 86400000::bigint THEN
    RAISE EXCEPTION 'not a month' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('ultrathink.prepare_month'));
  FOREACH parent IN ARRAY ARRAY['claims', 'claim_lines', 'findings', 'bodies', 'transitions'] LOOP
    IF to_regclass(format('ultrathink.%I', parent || '_' || suffix)) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
        parent || '_' || suffix, parent, id_floor(from_ms), id_floor(until_ms));
    END IF;
  END LOOP;
END $$
