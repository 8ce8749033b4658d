-- What a claim leaves for later claims of one of its parties, its patient above all: one row, so one entry in one index.
-- Keys were entries by themselves, each on a page of its own, and each was asked for by itself.
--   state  1 asks for money, 2 denied, 4 refused before it left or cancelled: the only thing that changes. NULL for
--          another party than the patient: the claim itself is asked
--   first_day, last_day  of its keys; NULL without any
--   told   sizes of the three texts, 2 bytes each; claim_id, provider, payer; per key 40 bytes: key 12, mark 12,
--          quantity 8, day 4, line 4, whose highest bit says that there is a mark. Big-endian.
CREATE TABLE traces (
  id uuid NOT NULL,
  party uuid NOT NULL,
  submitted_minor bigint NOT NULL,
  first_day integer,
  last_day integer,
  state smallint,
  tenant text NOT NULL,
  told bytea STORAGE EXTERNAL NOT NULL
)
----
-- The first half of a SHA-256: two parties meet by chance once in 10^38, and no two tenants' are the same.
CREATE FUNCTION party_of(tenant text, patient_key text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT encode(substr(sha256(convert_to(tenant || E'\x1f' || patient_key, 'UTF8')), 1, 16), 'hex')::uuid
$$
----
CREATE FUNCTION trace_state(use text, wire text, business text, review text, verdict text) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ((use = 'claim')::integer + 2 * denied(business, review, verdict)::integer
    + 4 * (NOT stands(wire, business))::integer)::smallint
$$
----
CREATE FUNCTION trace_head(claim_id text, provider_id text, payer_id text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT int2send(octet_length(convert_to(claim_id, 'UTF8'))::smallint)
    || int2send(octet_length(convert_to(coalesce(provider_id, ''), 'UTF8'))::smallint)
    || int2send(octet_length(convert_to(coalesce(payer_id, ''), 'UTF8'))::smallint)
    || convert_to(claim_id || coalesce(provider_id, '') || coalesce(payer_id, ''), 'UTF8')
$$
----
-- What comes behind key and mark.
CREATE FUNCTION trace_entry(quantity_e4 bigint, day integer, line integer, marked boolean) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT int8send(coalesce(quantity_e4, -9223372036854775808)) || int4send(day)
    || int4send(CASE WHEN marked THEN line | (1 << 31) ELSE line END)
$$
----
-- The owner is under the policies too.
SELECT set_config('ultrathink.tenants', (SELECT string_agg(tenant, ',') FROM tenants), true)
----
INSERT INTO traces (id, party, submitted_minor, first_day, last_day, state, tenant, told)
  SELECT c.id, party_of(c.tenant, c.patient_key), coalesce(c.submitted_minor, 0), p.first_day, p.last_day,
    trace_state(c.use, c.wire_status, c.business_status, c.review_status, c.verdict), c.tenant,
    trace_head(c.claim_id, c.provider_id, c.payer_id) || coalesce(p.entries, '')
  FROM claims c LEFT JOIN (
    SELECT s.tenant, s.id, min(s.day) AS first_day, max(s.day) AS last_day,
      string_agg(s.key || coalesce(s.mark, decode(repeat('00', 12), 'hex'))
        || trace_entry(s.quantity_e4, s.day, s.line, s.mark IS NOT NULL), ''::bytea ORDER BY s.line) AS entries
    FROM past_services s GROUP BY 1, 2) p ON p.tenant = c.tenant AND p.id = c.id
  WHERE c.patient_key IS NOT NULL AND (c.use = 'claim' OR p.id IS NOT NULL)
    AND c.id >= id_floor((extract(epoch FROM now()) * 1000)::bigint - 400 * 86400000::bigint)
----
CREATE INDEX traces_by_party ON traces (party, id)
----
CREATE INDEX traces_by_age ON traces USING brin (id) WITH (autosummarize = on)
----
ALTER TABLE traces ENABLE ROW LEVEL SECURITY
----
ALTER TABLE traces FORCE ROW LEVEL SECURITY
----
CREATE POLICY tenants_of_the_transaction ON traces USING (tenant = ANY
  ((SELECT string_to_array(current_setting('ultrathink.tenants', true), ','))::text[]))
----
GRANT SELECT, INSERT, DELETE, UPDATE (state) ON traces TO ultrathink_app
----
-- Whether a tenant has rows here is asked with every batch; the order by this index keeps the planner from looking for
-- one of a tenant without any through all rows of the others. Newer programs' claims write nothing here.
CREATE INDEX past_services_of_tenant ON past_services (tenant, id)
----
-- Nothing asks for claims by their patient any more.
DROP INDEX claims_by_patient
----
-- What history knows of a batch, as one row of columns: of providers (r_*) with their days, and of other parties (t_*)
-- with the ids that their sums begin with and their past ends before, and the days of the keys asked about.
-- `left` tells a party's traces with such days, newest first: id 16, state 2, size 4 and what is told, each.
-- `older` says whether there are rows of callers that know no parties; they are asked for by `recall`.
CREATE FUNCTION past_of(
  p_tenants text, r_tenant text[], r_provider text[], r_from integer[], r_until integer[], t_tenant text[],
  t_party uuid[], t_since uuid[], t_before uuid[], t_from integer[], t_until integer[], p_most integer
) RETURNS TABLE (older boolean, claims bigint[], denied bigint[], net_minor bigint[], parties integer[],
  party_claims bigint[], party_denied bigint[], party_net_minor bigint[], party_left bytea[]) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('ultrathink.tenants', p_tenants, true);
  RETURN QUERY
    SELECT EXISTS (SELECT FROM unnest(string_to_array(p_tenants, ',')) n, LATERAL (
          SELECT FROM service_keys s WHERE s.tenant = n ORDER BY s.service_key LIMIT 1) f)
        OR EXISTS (SELECT FROM unnest(string_to_array(p_tenants, ',')) n, LATERAL (
          SELECT FROM past_services s WHERE s.tenant = n ORDER BY s.id LIMIT 1) f), r.*, t.*
    FROM (
      SELECT array_agg(a.claims ORDER BY i), array_agg(a.denied ORDER BY i), array_agg(a.net_minor ORDER BY i)
      FROM generate_series(1, cardinality(r_tenant)) i, LATERAL (
        SELECT coalesce(sum(d.claims), 0)::bigint AS claims, coalesce(sum(d.denied), 0)::bigint AS denied,
          coalesce(sum(d.net_minor), 0)::bigint AS net_minor
        FROM provider_days d
        WHERE d.tenant = r_tenant[i] AND d.provider_id = r_provider[i] AND d.day BETWEEN r_from[i] AND r_until[i]) a) r, (
      SELECT array_agg(i), array_agg(a.claims), array_agg(a.denied), array_agg(a.net_minor), array_agg(a.found)
      FROM generate_series(1, cardinality(t_party)) i, LATERAL (
        SELECT count(*) AS known, count(*) FILTER (WHERE c.counts) AS claims,
          count(*) FILTER (WHERE c.counts AND c.state & 2 > 0) AS denied,
          coalesce(sum(c.submitted_minor) FILTER (WHERE c.counts), 0)::bigint AS net_minor,
          string_agg(uuid_send(c.id) || int2send(coalesce(c.state, (
              SELECT trace_state(o.use, o.wire_status, o.business_status, o.review_status, o.verdict)
              FROM claims o WHERE o.tenant = t_tenant[i] AND o.id = c.id))) || int4send(length(c.told)) || c.told,
            ''::bytea) FILTER (WHERE c.first_day <= t_until[i] AND c.last_day >= t_from[i]) AS found
        FROM (
          SELECT x.id, x.state, x.submitted_minor, x.first_day, x.last_day, x.told,
            x.state & 1 > 0 AND x.id >= t_since[i] AS counts
          FROM traces x
          WHERE x.party = t_party[i] AND x.tenant = t_tenant[i] AND x.id < t_before[i]
          ORDER BY x.id DESC LIMIT p_most) c) a
      WHERE a.known > 0) t;
END $$
----
-- `record_change_with_outcomes`, which now tells the patient's trace what has become of the claim.
CREATE OR REPLACE FUNCTION record_change_with_outcomes(
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
  UPDATE traces p SET state = s.state
    FROM (SELECT party_of(c.tenant, c.patient_key) AS party,
        trace_state(c.use, c.wire_status, c.business_status, c.review_status, c.verdict) AS state
      FROM claims c WHERE c.tenant = p_tenant AND c.id = p_id) s
    WHERE p.party = s.party AND p.id = p_id AND p.tenant = p_tenant AND p.state <> s.state;
  INSERT INTO line_outcomes (id, at_ms, allowed_minor, paid_minor, revision, line, tenant, source, outcome, nphies,
      carc)
    SELECT p_id, o_at_ms, nullif(o_allowed[o], missing), nullif(o_paid[o], missing), made, o_line[o], p_tenant,
      o_source, o_outcome[o], nullif(o_nphies[o], ''), nullif(o_carc[o], '')
    FROM generate_series(1, cardinality(o_line)) o;
  RETURN made;
END $$
----
-- Writes a batch in one transaction and one round trip: everything, or nothing when a key is known already (then
-- these items come back with what their keys stand for, and the caller sends the others again) or when a chain's
-- head has moved (SQLSTATE UT001). Items are numbered from 1; no key comes twice in a batch.
--
-- Few statements and few parameters, because each costs more than a row: numbers of a kind of row are one array,
-- column after column; its texts are one text, rows parted by U+001E and values by U+001F; keys, hashes and marks
-- follow each other without a gap. A missing text is '', a missing integer the smallest int64, a missing number NaN.
--   p_heads   per tenant of p_names: sequence expected, then sequence afterwards; p_hashes: 32 + 32 bytes likewise
--   p_prints  per item: key 16, content hash 32, document hash 32, previous hash 32, hash 32 bytes
--   p_numbers tenant, at_ms, body, body_start, claim_size, decision_size, received_size, sequence, submitted, share,
--             from, to, at risk, feature hash, provider claims, denied, net, patient claims, denied, net, first and
--             last day of what is left for the patient
--   p_texts   subject, media type, object, claim_id, its system, use, type, regime, provider, branch, payer, patient,
--             currency, verdict, wire, business, review, score, model
--   l_, f_, h_ lines, findings and history under keys without a party; their first number is the item. b_ bodies.
--   p_party, p_told  per item: its patient and what is left for it, NULL where nothing is; t_ what it leaves for
--             others, their numbers being item, first and last day
CREATE FUNCTION record_claims(
  p_names text[], p_chain text, p_heads bigint[], p_hashes bytea, p_id uuid[], p_prints bytea, p_numbers bigint[],
  p_probability double precision[], p_texts text, l_numbers bigint[], l_probability double precision[], l_texts text,
  l_keyed boolean, f_numbers bigint[], f_texts text, h_numbers bigint[], h_prints bytea, b_id uuid[], b_tenant integer[],
  b_content bytea[], p_party uuid[], p_told bytea[], t_numbers integer[], t_party uuid[], t_told bytea[]
) RETURNS TABLE (item integer, id uuid, content_hash bytea) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  none CONSTANT bigint := -9223372036854775808;
  n CONSTANT integer := cardinality(p_id);
  m CONSTANT integer := cardinality(l_probability);
  f CONSTANT integer := cardinality(f_numbers) / 2;
  h CONSTANT integer := cardinality(h_numbers) / 5;
  o CONSTANT integer := cardinality(t_party);
  t CONSTANT integer := cardinality(p_names);
  written integer;
  begun integer := 0;
BEGIN
  PERFORM set_config('ultrathink.tenants', array_to_string(p_names, ','), true);
  -- In the order of keys, so that two batches with the same keys wait for each other instead of deadlocking.
  INSERT INTO idempotency_keys AS k (tenant, key, content_hash, id)
    SELECT p_names[p_numbers[i]], substr(p_prints, 144 * i - 143, 16), substr(p_prints, 144 * i - 127, 32), p_id[i]
    FROM generate_series(1, n) i ORDER BY 2, 1
    ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written < n THEN
    IF written > 0 THEN
      DELETE FROM idempotency_keys k USING generate_series(1, n) i
        WHERE k.tenant = p_names[p_numbers[i]] AND k.key = substr(p_prints, 144 * i - 143, 16) AND k.id = p_id[i];
    END IF;
    RETURN QUERY SELECT i, e.id, e.content_hash FROM generate_series(1, n) i, LATERAL (
      SELECT k.id, k.content_hash FROM idempotency_keys k
      WHERE k.tenant = p_names[p_numbers[i]] AND k.key = substr(p_prints, 144 * i - 143, 16) OFFSET 0) e;
    RETURN;
  END IF;
  UPDATE audit_heads a SET sequence = p_heads[t + i], hash = substr(p_hashes, 64 * i - 31, 32)
    FROM generate_series(1, t) i
    WHERE a.tenant = p_names[i] AND a.chain = p_chain AND a.sequence = p_heads[i]
      AND a.hash = substr(p_hashes, 64 * i - 63, 32);
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written < t THEN
    INSERT INTO audit_heads AS a (tenant, chain, sequence, hash)
      SELECT p_names[i], p_chain, p_heads[t + i], substr(p_hashes, 64 * i - 31, 32)
      FROM generate_series(1, t) i WHERE p_heads[i] = 0
      ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS begun = ROW_COUNT;
  END IF;
  IF written + begun < t THEN
    RAISE EXCEPTION 'the chain has moved' USING ERRCODE = 'UT001';
  END IF;
  WITH item AS MATERIALIZED (
    SELECT i::integer AS i, p_names[p_numbers[i]] AS tenant, string_to_array(r, E'\x1f') AS a
    FROM string_to_table(p_texts, E'\x1e') WITH ORDINALITY AS u(r, i)),
  c AS (
    INSERT INTO claims (id, body, content_hash, submitted_minor, payer_share_minor, at_risk_minor, probability,
        audit_sequence, service_from_day, service_to_day, body_start, claim_size, decision_size, received_size,
        tenant, claim_id, claim_id_system, use, type, regime, provider_id, provider_branch, payer_id, patient_key,
        currency, verdict, wire_status, business_status, review_status, score_state, model_revision,
        received_media_type, audit_chain, body_object, feature_hash, provider_net_minor, patient_net_minor,
        provider_claims, provider_denied, patient_claims, patient_denied)
      SELECT p_id[i], b_id[p_numbers[2 * n + i]], substr(p_prints, 144 * i - 127, 32),
        nullif(p_numbers[8 * n + i], none), nullif(p_numbers[9 * n + i], none), nullif(p_numbers[12 * n + i], none),
        nullif(p_probability[i], 'NaN'), p_numbers[7 * n + i], nullif(p_numbers[10 * n + i], none),
        nullif(p_numbers[11 * n + i], none), p_numbers[3 * n + i], p_numbers[4 * n + i], p_numbers[5 * n + i],
        p_numbers[6 * n + i], tenant, a[4], nullif(a[5], ''), a[6], a[7], nullif(a[8], ''), nullif(a[9], ''),
        nullif(a[10], ''), nullif(a[11], ''), nullif(a[12], ''), nullif(a[13], ''), a[14], a[15], a[16], a[17],
        nullif(a[18], ''), nullif(a[19], ''), nullif(a[2], ''), p_chain, decode(nullif(a[3], ''), 'hex'),
        nullif(p_numbers[13 * n + i], none), nullif(p_numbers[16 * n + i], none),
        nullif(p_numbers[19 * n + i], none), nullif(p_numbers[14 * n + i], none),
        nullif(p_numbers[15 * n + i], none), nullif(p_numbers[17 * n + i], none),
        nullif(p_numbers[18 * n + i], none)
      FROM item),
  o AS (
    INSERT INTO outbox (id, at_ms, tenant, claim_id, event, verdict, wire_status, business_status, review_status)
      SELECT p_id[i], p_numbers[n + i], tenant, a[4], 'claim.recorded', a[14], a[15], a[16], a[17] FROM item),
  e AS (
    INSERT INTO audit_entries (sequence, at_ms, id, revision, tenant, chain, event, subject, content_hash,
        document_hash, previous_hash, hash)
      SELECT p_numbers[7 * n + i], p_numbers[n + i], p_id[i], 1, tenant, p_chain, 'claim.recorded', a[1],
        substr(p_prints, 144 * i - 127, 32), substr(p_prints, 144 * i - 95, 32), substr(p_prints, 144 * i - 63, 32),
        substr(p_prints, 144 * i - 31, 32)
      FROM item),
  b AS (
    INSERT INTO bodies (id, tenant, content)
      SELECT b_id[i], p_names[b_tenant[i]], b_content[i] FROM generate_series(1, cardinality(b_id)) i),
  l AS (
    INSERT INTO claim_lines (id, service_day, sequence, quantity_e4, net_minor, patient_share_minor, at_risk_minor,
        probability, tenant, code, system)
      SELECT p_id[l_numbers[i]], nullif(l_numbers[2 * m + i], none), l_numbers[m + i],
        nullif(l_numbers[3 * m + i], none), nullif(l_numbers[4 * m + i], none), nullif(l_numbers[5 * m + i], none),
        nullif(l_numbers[6 * m + i], none), nullif(l_probability[i], 'NaN'), p_names[p_numbers[l_numbers[i]]],
        nullif(a[1], ''), nullif(a[2], '')
      FROM (SELECT i::integer AS i, string_to_array(r, E'\x1f') AS a
        FROM string_to_table(l_texts, E'\x1e') WITH ORDINALITY AS u(r, i)) s),
  s AS (
    INSERT INTO findings (id, line, tenant, rule, severity, path)
      SELECT p_id[f_numbers[i]], nullif(f_numbers[f + i], 0), p_names[p_numbers[f_numbers[i]]], a[1], a[2],
        nullif(a[3], '')
      FROM (SELECT i::integer AS i, string_to_array(r, E'\x1f') AS a
        FROM string_to_table(f_texts, E'\x1e') WITH ORDINALITY AS u(r, i)) s),
  d AS (
    INSERT INTO provider_days AS d (tenant, provider_id, day, chain, claims, denied, net_minor)
      SELECT tenant, a[9], p_numbers[n + i] / 86400000, p_chain, count(*), 0,
        coalesce(sum(nullif(p_numbers[8 * n + i], none)), 0)
      FROM item WHERE a[6] = 'claim' AND a[9] <> '' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ON CONFLICT (tenant, provider_id, day, chain) DO UPDATE
        SET claims = d.claims + excluded.claims, net_minor = d.net_minor + excluded.net_minor)
  INSERT INTO traces (id, party, submitted_minor, first_day, last_day, state, tenant, told)
    SELECT p_id[i], p_party[i], coalesce(nullif(p_numbers[8 * n + i], none), 0), nullif(p_numbers[20 * n + i], none),
      nullif(p_numbers[21 * n + i], none), trace_state(a[6], a[15], a[16], a[17], a[14]), tenant, p_told[i]
    FROM item WHERE p_told[i] IS NOT NULL
    UNION ALL
    SELECT p_id[t_numbers[i]], t_party[i], 0, t_numbers[o + i], t_numbers[2 * o + i], NULL,
      p_names[p_numbers[t_numbers[i]]], t_told[i]
    FROM generate_series(1, o) i;
  IF h > 0 THEN
    INSERT INTO past_services (id, quantity_e4, day, line, key, mark, tenant)
      SELECT p_id[h_numbers[i]], nullif(h_numbers[3 * h + i], none), h_numbers[2 * h + i], h_numbers[h + i],
        substr(h_prints, 24 * i - 23, 12), CASE WHEN h_numbers[4 * h + i] > 0 THEN substr(h_prints, 24 * i - 11, 12) END,
        p_names[p_numbers[h_numbers[i]]]
      FROM generate_series(1, h) i;
  END IF;
  IF l_keyed THEN  -- from callers that know no history columns
    INSERT INTO service_keys (id, line, service_key, tenant)
      SELECT p_id[l_numbers[i]], l_numbers[m + i], substr(sha256(convert_to(a[3], 'UTF8')), 1, 12),
        p_names[p_numbers[l_numbers[i]]]
      FROM (SELECT i::integer AS i, string_to_array(r, E'\x1f') AS a
        FROM string_to_table(l_texts, E'\x1e') WITH ORDINALITY AS u(r, i)) s WHERE a[3] <> '';
  END IF;
END $$
----
-- For older programs: what their claims leave is found by the patient too.
CREATE OR REPLACE FUNCTION record_batch(
  p_names text[], p_chain text, p_heads bigint[], p_hashes bytea, p_id uuid[], p_prints bytea, p_numbers bigint[],
  p_probability double precision[], p_texts text, l_numbers bigint[], l_probability double precision[], l_texts text,
  l_keyed boolean, f_numbers bigint[], f_texts text, h_numbers bigint[], h_prints bytea, b_id uuid[], b_tenant integer[],
  b_content bytea[]
) RETURNS TABLE (item integer, id uuid, content_hash bytea) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  h CONSTANT integer := cardinality(h_numbers) / 5;
BEGIN
  RETURN QUERY SELECT * FROM record_claims(p_names, p_chain, p_heads, p_hashes, p_id, p_prints, p_numbers,
    p_probability, p_texts, l_numbers, l_probability, l_texts, l_keyed, f_numbers, f_texts, h_numbers, h_prints, b_id,
    b_tenant, b_content, '{}', '{}', '{}', '{}', '{}');
  IF NOT FOUND THEN
    INSERT INTO traces (id, party, submitted_minor, first_day, last_day, state, tenant, told)
      SELECT c.id, party_of(c.tenant, c.patient_key), coalesce(c.submitted_minor, 0), p.first_day, p.last_day,
        trace_state(c.use, c.wire_status, c.business_status, c.review_status, c.verdict), c.tenant,
        trace_head(c.claim_id, c.provider_id, c.payer_id) || coalesce(p.entries, '')
      FROM unnest(p_id) WITH ORDINALITY AS w(id, i), LATERAL (
        SELECT * FROM claims s
        WHERE s.tenant = p_names[p_numbers[w.i]] AND s.id = w.id AND s.patient_key IS NOT NULL OFFSET 0) c,
      LATERAL (
        SELECT string_agg(substr(h_prints, 24 * k - 23, 24) || trace_entry(nullif(h_numbers[3 * h + k],
            -9223372036854775808), h_numbers[2 * h + k]::integer, h_numbers[h + k]::integer, h_numbers[4 * h + k] > 0),
          ''::bytea) AS entries, min(h_numbers[2 * h + k]) AS first_day, max(h_numbers[2 * h + k]) AS last_day
        FROM generate_series(1, h) k WHERE h_numbers[k] = w.i) p
      WHERE c.use = 'claim' OR p.entries IS NOT NULL;
  END IF;
END $$
----
-- `recall`, which older programs ask for patients too: their claims are counted by what these left.
CREATE OR REPLACE FUNCTION recall(
  p_tenants text, p_tenant text[], p_claim_id text[], p_provider text[], p_patient text[], p_before uuid[],
  p_since_ms bigint[], p_until_ms bigint[], k_item integer[], k_index integer[], k_key text[], p_most integer,
  q_item integer[], q_index integer[], q_key bytea[], q_from integer[], q_to integer[], q_most integer[],
  p_scan integer
) RETURNS TABLE (kind integer, item integer, place integer, id uuid, claim_id text, line integer,
  claims bigint, denied bigint, amount bigint, day integer, quantity_e4 bigint, mark bytea, provider_id text,
  payer_id text) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  nothing CONSTANT bigint := 0;
BEGIN
  PERFORM set_config('ultrathink.tenants', p_tenants, true);
  -- In an installation that began with this schema there are none, and the probes would be for nothing.
  IF EXISTS (SELECT FROM service_keys s WHERE s.tenant = ANY (string_to_array(p_tenants, ','))) THEN
    RETURN QUERY
      SELECT 1, k_item[k], k_index[k], d.id, d.claim_id, d.line, nothing, nothing, nothing, NULL::integer,
        NULL::bigint, NULL::bytea, NULL::text, NULL::text
      FROM generate_series(1, cardinality(k_item)) k, LATERAL (
        SELECT s.id, s.line, c.claim_id FROM service_keys s, LATERAL (
          SELECT o.claim_id, stands(o.wire_status, o.business_status) AS stands
          FROM claims o WHERE o.tenant = s.tenant AND o.id = s.id OFFSET 0) c
        WHERE s.tenant = p_tenant[k_item[k]] AND s.id < p_before[k_item[k]]
          AND s.service_key = substr(sha256(convert_to(k_key[k], 'UTF8')), 1, 12)
          AND c.claim_id <> p_claim_id[k_item[k]] AND c.stands
        ORDER BY s.id DESC LIMIT p_most) d;
  END IF;
  RETURN QUERY
    SELECT 2, q.i, 0, NULL::uuid, ''::text, 0, a.claims, a.denied, a.net_minor, NULL::integer,
      NULL::bigint, NULL::bytea, NULL::text, NULL::text
    FROM (SELECT p_tenant[i] AS t, p_provider[i] AS p, p_since_ms[i] AS since, p_until_ms[i] AS until, min(i) AS i
      FROM generate_series(1, cardinality(p_tenant)) i WHERE p_provider[i] <> '' GROUP BY 1, 2, 3, 4) q, LATERAL (
      SELECT coalesce(sum(d.claims), 0)::bigint AS claims, coalesce(sum(d.denied), 0)::bigint AS denied,
        coalesce(sum(d.net_minor), 0)::bigint AS net_minor
      FROM provider_days d
      WHERE d.tenant = q.t AND d.provider_id = q.p
        AND d.day BETWEEN q.since / 86400000 AND q.until / 86400000) a;
  RETURN QUERY
    SELECT 3, q.i, 0, NULL::uuid, ''::text, 0, a.claims, a.denied, a.net_minor, NULL::integer,
      NULL::bigint, NULL::bytea, NULL::text, NULL::text
    FROM (SELECT p_tenant[i] AS t, p_patient[i] AS p, p_since_ms[i] AS since, p_before[i] AS before, min(i) AS i
      FROM generate_series(1, cardinality(p_tenant)) i WHERE p_patient[i] <> '' GROUP BY 1, 2, 3, 4) q, LATERAL (
      SELECT count(*) AS claims, count(*) FILTER (WHERE c.state & 2 > 0) AS denied,
        coalesce(sum(c.submitted_minor), 0)::bigint AS net_minor
      FROM traces c
      WHERE c.party = party_of(q.t, q.p) AND c.tenant = q.t AND c.state & 1 > 0 AND c.id >= id_floor(q.since)
        AND c.id < q.before) a;
  RETURN QUERY
    SELECT 4, d.item, d.index, d.id, d.claim_id, d.line, nothing, nothing, d.total, d.day, d.quantity_e4, d.mark,
      d.provider_id, d.payer_id
    FROM generate_series(1, cardinality(q_item)) q, LATERAL (
      SELECT q_item[q] AS item, q_index[q] AS index, s.id, c.claim_id, s.line, s.day, s.quantity_e4, s.mark,
        c.provider_id, c.payer_id,
        coalesce(sum(s.quantity_e4) FILTER (WHERE NOT c.denied) OVER (), 0)::bigint AS total,
        row_number() OVER (ORDER BY s.day DESC, s.id DESC, s.line DESC) AS place
      FROM (
        SELECT * FROM past_services p
        WHERE p.tenant = p_tenant[q_item[q]] AND p.key = q_key[q] AND p.day BETWEEN q_from[q] AND q_to[q]
          AND p.id < p_before[q_item[q]]
        ORDER BY p.day DESC, p.id DESC LIMIT p_scan) s, LATERAL (
        SELECT o.claim_id, o.provider_id, o.payer_id, stands(o.wire_status, o.business_status) AS stands,
          denied(o.business_status, o.review_status, o.verdict) AS denied
        FROM claims o WHERE o.tenant = s.tenant AND o.id = s.id OFFSET 0) c
      WHERE c.stands AND (c.claim_id <> p_claim_id[q_item[q]]
        OR c.provider_id IS DISTINCT FROM nullif(p_provider[q_item[q]], ''))) d
    WHERE d.place <= greatest(q_most[q], 1);
END $$
