-- The heads of one writer's chains; a chain that has not begun is told by its beginning. The caller hashes behind
-- them and names them again in record_batch, which writes nothing when somebody else appended meanwhile.
CREATE FUNCTION chain_heads(p_names text[], p_chain text)
RETURNS TABLE (tenant text, sequence bigint, hash bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('ultrathink.tenants', array_to_string(p_names, ','), true);
  RETURN QUERY SELECT name, coalesce(h.sequence, 0), coalesce(h.hash, decode(repeat('00', 32), 'hex'))
    FROM unnest(p_names) name LEFT JOIN audit_heads h ON h.tenant = name AND h.chain = p_chain;
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
--             from, to, at risk, feature hash, provider claims, denied, net, patient claims, denied, net
--   p_texts   subject, media type, object, claim_id, its system, use, type, regime, provider, branch, payer, patient,
--             currency, verdict, wire, business, review, score, model
--   l_, f_, h_ lines, findings and history; their first number is the item. b_ bodies.
CREATE FUNCTION record_batch(
  p_names text[], p_chain text, p_heads bigint[], p_hashes bytea, p_id uuid[], p_prints bytea, p_numbers bigint[],
  p_probability double precision[], p_texts text, l_numbers bigint[], l_probability double precision[], l_texts text,
  l_keyed boolean, f_numbers bigint[], f_texts text, h_numbers bigint[], h_prints bytea, b_id uuid[], b_tenant integer[],
  b_content bytea[]
) RETURNS TABLE (item integer, id uuid, content_hash bytea) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  none CONSTANT bigint := -9223372036854775808;
  n CONSTANT integer := cardinality(p_id);
  m CONSTANT integer := cardinality(l_probability);
  f CONSTANT integer := cardinality(f_numbers) / 2;
  h CONSTANT integer := cardinality(h_numbers) / 5;
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
  INSERT INTO past_services (id, quantity_e4, day, line, key, mark, tenant)
    SELECT p_id[h_numbers[i]], nullif(h_numbers[3 * h + i], none), h_numbers[2 * h + i], h_numbers[h + i],
      substr(h_prints, 24 * i - 23, 12), CASE WHEN h_numbers[4 * h + i] > 0 THEN substr(h_prints, 24 * i - 11, 12) END,
      p_names[p_numbers[h_numbers[i]]]
    FROM generate_series(1, h) i;
  IF l_keyed THEN  -- from callers that know no history columns
    INSERT INTO service_keys (id, line, service_key, tenant)
      SELECT p_id[l_numbers[i]], l_numbers[m + i], substr(sha256(convert_to(a[3], 'UTF8')), 1, 12),
        p_names[p_numbers[l_numbers[i]]]
      FROM (SELECT i::integer AS i, string_to_array(r, E'\x1f') AS a
        FROM string_to_table(l_texts, E'\x1e') WITH ORDINALITY AS u(r, i)) s WHERE a[3] <> '';
  END IF;
END $$
