-- As in 0001, with what a score was given for: columns 36 to 42, missing as a whole from an older program.
-- Writes a batch: everything of every item whose key is new, in one transaction and one round trip. Returns, for
-- the other items, what their key already stands for. Items are numbered from 1 here.
--
-- Columns travel as a few long texts, because encoding each value by itself was half of the caller's work:
-- columns are parted by U+001E, values of a text column end with U+001F, any other column is an array literal.
-- Keys (16 bytes) and hashes (32) follow each other without a gap. A missing text is '', a missing integer the
-- smallest int64, a missing number NaN, as in the contract.
CREATE OR REPLACE FUNCTION record(
  p_tenants text, p_chain text, p_items text, p_lines text, p_findings text, p_keys bytea, p_contents bytea,
  p_documents bytea, b_id uuid[], b_tenant text[], b_content bytea[]
) RETURNS TABLE (item integer, id uuid, content_hash bytea) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$  -- else each call of a small batch plans ten statements anew
#variable_conflict use_column
DECLARE
  missing CONSTANT bigint := -9223372036854775808;
  past CONSTANT text := E'\x1f';
  items text[] := string_to_array(p_items, E'\x1e');
  lines text[] := string_to_array(p_lines, E'\x1e');
  found text[] := string_to_array(p_findings, E'\x1e');
  p_places integer[] := items[1];
  p_id uuid[] := items[2];
  p_at_ms bigint[] := items[3];
  p_body uuid[] := items[4];
  p_body_start integer[] := items[5];
  p_claim_size integer[] := items[6];
  p_decision_size integer[] := items[7];
  p_received_size integer[] := items[8];
  p_tenant text[] := string_to_array(items[9], past);
  p_subject text[] := string_to_array(items[10], past);
  p_canonical text[] := string_to_array(items[11], past);
  p_media text[] := string_to_array(items[12], past);
  p_body_object text[] := string_to_array(items[13], past);
  p_claim_id text[] := string_to_array(items[14], past);
  p_claim_id_system text[] := string_to_array(items[15], past);
  p_use text[] := string_to_array(items[16], past);
  p_type text[] := string_to_array(items[17], past);
  p_regime text[] := string_to_array(items[18], past);
  p_provider text[] := string_to_array(items[19], past);
  p_branch text[] := string_to_array(items[20], past);
  p_payer text[] := string_to_array(items[21], past);
  p_patient text[] := string_to_array(items[22], past);
  p_currency text[] := string_to_array(items[23], past);
  p_submitted bigint[] := items[24];
  p_share bigint[] := items[25];
  p_from bigint[] := items[26];
  p_to bigint[] := items[27];
  p_verdict text[] := string_to_array(items[28], past);
  p_wire text[] := string_to_array(items[29], past);
  p_business text[] := string_to_array(items[30], past);
  p_review text[] := string_to_array(items[31], past);
  p_score text[] := string_to_array(items[32], past);
  p_probability double precision[] := items[33];
  p_at_risk bigint[] := items[34];
  p_model text[] := string_to_array(items[35], past);
  p_print bigint[] := items[36];
  p_provider_claims bigint[] := items[37];
  p_provider_denied bigint[] := items[38];
  p_provider_net bigint[] := items[39];
  p_patient_claims bigint[] := items[40];
  p_patient_denied bigint[] := items[41];
  p_patient_net bigint[] := items[42];
  l_item integer[] := lines[1];
  l_sequence integer[] := lines[2];
  l_code text[] := string_to_array(lines[3], past);
  l_system text[] := string_to_array(lines[4], past);
  l_day bigint[] := lines[5];
  l_quantity bigint[] := lines[6];
  l_net bigint[] := lines[7];
  l_share bigint[] := lines[8];
  l_probability double precision[] := lines[9];
  l_at_risk bigint[] := lines[10];
  l_key text[] := string_to_array(lines[11], past);
  f_item integer[] := found[1];
  f_rule text[] := string_to_array(found[2], past);
  f_severity text[] := string_to_array(found[3], past);
  f_line integer[] := found[4];
  f_path text[] := string_to_array(found[5], past);
  n integer := cardinality(p_id);
  written uuid[];
  fresh boolean[];
  sequences bigint[];
  p_content bytea[] := array_fill(NULL::bytea, ARRAY[n]);
  p_document bytea[] := array_fill(NULL::bytea, ARRAY[n]);
BEGIN
  PERFORM set_config('ultrathink.tenants', p_tenants, true);
  FOR place IN 1..n LOOP
    p_content[place] := substr(p_contents, 32 * place - 31, 32);
    p_document[place] := substr(p_documents, 32 * place - 31, 32);
  END LOOP;
  -- In the order of keys, so that two batches with the same keys wait for each other instead of deadlocking.
  WITH taken AS (
    INSERT INTO idempotency_keys AS k (tenant, key, content_hash, id)
      SELECT p_tenant[i], substr(p_keys, 16 * i - 15, 16), p_content[i], p_id[i] FROM generate_series(1, n) i
      ORDER BY 1, 2, i
      ON CONFLICT DO NOTHING RETURNING k.id)
  SELECT array_agg(taken.id) INTO written FROM taken;
  IF coalesce(cardinality(written), 0) = n THEN
    fresh := array_fill(true, ARRAY[n]);
  ELSE
    SELECT array_agg(w IS NOT NULL ORDER BY i) INTO fresh
      FROM generate_series(1, n) i LEFT JOIN unnest(written) w ON w = p_id[i];
  END IF;
  IF written IS NOT NULL THEN
    sequences := append_entries(p_chain, p_places, fresh, p_tenant, p_canonical,
      array_fill('claim.recorded'::text, ARRAY[n]), p_subject, p_at_ms, p_id, array_fill(1, ARRAY[n]),
      p_content, p_document);
    INSERT INTO claims (id, body, content_hash, submitted_minor, payer_share_minor, at_risk_minor, probability,
        audit_sequence, service_from_day, service_to_day, body_start, claim_size, decision_size, received_size,
        tenant, claim_id, claim_id_system, use, type, regime, provider_id, provider_branch, payer_id, patient_key,
        currency, verdict, wire_status, business_status, review_status, score_state, model_revision,
        received_media_type, audit_chain, body_object, feature_hash, provider_net_minor, patient_net_minor,
        provider_claims, provider_denied, patient_claims, patient_denied)
      SELECT p_id[i], p_body[i], p_content[i], nullif(p_submitted[i], missing), nullif(p_share[i], missing),
        nullif(p_at_risk[i], missing), nullif(p_probability[i], 'NaN'), sequences[i], nullif(p_from[i], missing),
        nullif(p_to[i], missing), p_body_start[i], p_claim_size[i], p_decision_size[i], p_received_size[i],
        p_tenant[i], p_claim_id[i], nullif(p_claim_id_system[i], ''), p_use[i], p_type[i], nullif(p_regime[i], ''),
        nullif(p_provider[i], ''), nullif(p_branch[i], ''), nullif(p_payer[i], ''), nullif(p_patient[i], ''),
        nullif(p_currency[i], ''), p_verdict[i], p_wire[i], p_business[i], p_review[i], nullif(p_score[i], ''),
        nullif(p_model[i], ''), nullif(p_media[i], ''), p_chain, decode(nullif(p_body_object[i], ''), 'hex'),
        nullif(p_print[i], missing), nullif(p_provider_net[i], missing), nullif(p_patient_net[i], missing),
        nullif(p_provider_claims[i], missing), nullif(p_provider_denied[i], missing),
        nullif(p_patient_claims[i], missing), nullif(p_patient_denied[i], missing)
      FROM generate_series(1, n) i WHERE fresh[i];
    INSERT INTO bodies (id, tenant, content)
      SELECT b_id[b], b_tenant[b], b_content[b] FROM generate_series(1, cardinality(b_id)) b
      WHERE EXISTS (SELECT FROM generate_series(1, n) i WHERE fresh[i] AND p_body[i] = b_id[b]);
    INSERT INTO claim_lines (id, service_day, sequence, quantity_e4, net_minor, patient_share_minor, at_risk_minor,
        probability, tenant, code, system)
      SELECT p_id[l_item[l]], nullif(l_day[l], missing), l_sequence[l], nullif(l_quantity[l], missing),
        nullif(l_net[l], missing), nullif(l_share[l], missing), nullif(l_at_risk[l], missing),
        nullif(l_probability[l], 'NaN'), p_tenant[l_item[l]], nullif(l_code[l], ''), nullif(l_system[l], '')
      FROM generate_series(1, cardinality(l_item)) l WHERE fresh[l_item[l]];
    INSERT INTO service_keys (id, line, service_key, tenant)
      SELECT p_id[l_item[l]], l_sequence[l], substr(sha256(convert_to(l_key[l], 'UTF8')), 1, 12), p_tenant[l_item[l]]
      FROM generate_series(1, cardinality(l_item)) l
      WHERE fresh[l_item[l]] AND l_key[l] <> '' AND p_use[l_item[l]] = 'claim';
    INSERT INTO findings (id, line, tenant, rule, severity, path)
      SELECT p_id[f_item[f]], nullif(f_line[f], 0), p_tenant[f_item[f]], f_rule[f], f_severity[f],
        nullif(f_path[f], '')
      FROM generate_series(1, cardinality(f_item)) f WHERE fresh[f_item[f]];
    INSERT INTO provider_days AS d (tenant, provider_id, day, chain, claims, denied, net_minor)
      SELECT p_tenant[i], p_provider[i], p_at_ms[i] / 86400000, p_chain, count(*), 0,
        coalesce(sum(nullif(p_submitted[i], missing)), 0)
      FROM generate_series(1, n) i WHERE fresh[i] AND p_use[i] = 'claim' AND p_provider[i] <> ''
      GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ON CONFLICT (tenant, provider_id, day, chain) DO UPDATE
        SET claims = d.claims + excluded.claims, net_minor = d.net_minor + excluded.net_minor;
    INSERT INTO outbox (id, at_ms, tenant, claim_id, event, verdict, wire_status, business_status, review_status)
      SELECT p_id[i], p_at_ms[i], p_tenant[i], p_claim_id[i], 'claim.recorded', p_verdict[i], p_wire[i],
        p_business[i], p_review[i]
      FROM generate_series(1, n) i WHERE fresh[i];
  END IF;
  IF coalesce(cardinality(written), 0) < n THEN
    RETURN QUERY SELECT i, e.id, e.content_hash FROM generate_series(1, n) i, LATERAL (
      SELECT k.id, k.content_hash FROM idempotency_keys k
      WHERE k.tenant = p_tenant[i] AND k.key = substr(p_keys, 16 * i - 15, 16) OFFSET 0) e
      WHERE NOT fresh[i];
  END IF;
END $$
