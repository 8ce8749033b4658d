-- Appends entries to one writer's chains, one chain per tenant. `places` lists the entries' indexes, grouped by
-- tenant; entries that are not fresh are passed over. The heads' row locks make two writers of one name queue.
CREATE FUNCTION append_entries(
  p_chain text, p_places integer[], p_fresh boolean[], p_tenant text[], p_canonical text[], p_event text[],
  p_subject text[], p_at_ms bigint[], p_id uuid[], p_revision integer[], p_content bytea[], p_document bytea[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  place integer;
  current_tenant text;
  head_sequence bigint;
  head_hash bytea;
  sequences bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_id)]);
  previous bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(p_id)]);
  hashes bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(p_id)]);
BEGIN
  FOREACH place IN ARRAY p_places LOOP
    CONTINUE WHEN NOT p_fresh[place];
    IF current_tenant IS DISTINCT FROM p_tenant[place] THEN
      UPDATE audit_heads SET sequence = head_sequence, hash = head_hash
        WHERE tenant = current_tenant AND chain = p_chain;
      current_tenant := p_tenant[place];
      SELECT h.sequence, h.hash INTO head_sequence, head_hash FROM audit_heads h
        WHERE h.tenant = current_tenant AND h.chain = p_chain FOR UPDATE;
      IF NOT FOUND THEN
        INSERT INTO audit_heads (tenant, chain, sequence, hash)
          VALUES (current_tenant, p_chain, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
        SELECT h.sequence, h.hash INTO head_sequence, head_hash FROM audit_heads h
          WHERE h.tenant = current_tenant AND h.chain = p_chain FOR UPDATE;
      END IF;
    END IF;
    head_sequence := head_sequence + 1;
    sequences[place] := head_sequence;
    previous[place] := head_hash;
    head_hash := sha256(head_hash || int8send(head_sequence) || convert_to(p_canonical[place], 'UTF8'));
    hashes[place] := head_hash;
  END LOOP;
  UPDATE audit_heads SET sequence = head_sequence, hash = head_hash
    WHERE tenant = current_tenant AND chain = p_chain;
  INSERT INTO audit_entries (sequence, at_ms, id, revision, tenant, chain, event, subject, content_hash,
      document_hash, previous_hash, hash)
    SELECT sequences[i], p_at_ms[i], p_id[i], p_revision[i], p_tenant[i], p_chain, p_event[i], p_subject[i],
      p_content[i], p_document[i], previous[i], hashes[i]
    FROM unnest(p_places) AS i WHERE p_fresh[i];
  RETURN sequences;
END $$
----
-- Writes a batch: everything of every item whose key is new, in one transaction and one round trip. Returns, for
-- the other items, what their key already stands for. Items are numbered from 1 here.
--
-- Columns travel as a few long texts, because encoding each value by itself was half of the caller's work:
-- columns are parted by U+001E, values of a text column end with U+001F, any other column is an array literal.
-- Keys (16 bytes) and hashes (32) follow each other without a gap. A missing text is '', a missing integer the
-- smallest int64, a missing number NaN, as in the contract.
CREATE FUNCTION record(
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
        received_media_type, audit_chain, body_object)
      SELECT p_id[i], p_body[i], p_content[i], nullif(p_submitted[i], missing), nullif(p_share[i], missing),
        nullif(p_at_risk[i], missing), nullif(p_probability[i], 'NaN'), sequences[i], nullif(p_from[i], missing),
        nullif(p_to[i], missing), p_body_start[i], p_claim_size[i], p_decision_size[i], p_received_size[i],
        p_tenant[i], p_claim_id[i], nullif(p_claim_id_system[i], ''), p_use[i], p_type[i], nullif(p_regime[i], ''),
        nullif(p_provider[i], ''), nullif(p_branch[i], ''), nullif(p_payer[i], ''), nullif(p_patient[i], ''),
        nullif(p_currency[i], ''), p_verdict[i], p_wire[i], p_business[i], p_review[i], nullif(p_score[i], ''),
        nullif(p_model[i], ''), nullif(p_media[i], ''), p_chain, decode(nullif(p_body_object[i], ''), 'hex')
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
----
-- Appends one revision to a recorded claim. Returns the new revision; 0 when there is no such claim; the negative
-- of the revision found when the caller saw another one. An empty text, the smallest int64 and NaN keep the value.
CREATE FUNCTION record_change(
  p_tenant text, p_chain text, p_id uuid, p_expected integer, p_event text, p_decision bytea, p_verdict text,
  p_wire text, p_business text, p_review text, p_score text, p_probability double precision, p_at_risk bigint,
  p_model text, p_note text, p_subject text, p_at_ms bigint, p_canonical text, p_document bytea
) RETURNS integer LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  missing CONSTANT bigint := -9223372036854775808;
  c claims%ROWTYPE;
  after claims%ROWTYPE;
  denial integer;
  sequences bigint[];
BEGIN
  PERFORM set_config('ultrathink.tenants', p_tenant, true);
  SELECT * INTO c FROM claims WHERE claims.tenant = p_tenant AND claims.id = p_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 0;
  ELSIF c.revision <> p_expected THEN
    RETURN -c.revision;
  END IF;
  IF c.revision = 1 THEN
    INSERT INTO transitions (id, at_ms, audit_sequence, revision, tenant, event, verdict, wire_status,
        business_status, review_status, subject, audit_chain)
      SELECT c.id, e.at_ms, e.sequence, 1, c.tenant, e.event, c.verdict, c.wire_status, c.business_status,
        c.review_status, e.subject, e.chain
      FROM audit_entries e
      WHERE e.tenant = c.tenant AND e.chain = c.audit_chain AND e.sequence = c.audit_sequence;
  END IF;
  sequences := append_entries(p_chain, ARRAY[1], ARRAY[true], ARRAY[p_tenant], ARRAY[p_canonical], ARRAY[p_event],
    ARRAY[p_subject], ARRAY[p_at_ms], ARRAY[p_id], ARRAY[p_expected + 1], ARRAY[''::bytea], ARRAY[p_document]);
  UPDATE claims SET revision = c.revision + 1,
      verdict = coalesce(nullif(p_verdict, ''), c.verdict),
      wire_status = coalesce(nullif(p_wire, ''), c.wire_status),
      business_status = coalesce(nullif(p_business, ''), c.business_status),
      review_status = coalesce(nullif(p_review, ''), c.review_status),
      score_state = coalesce(nullif(p_score, ''), c.score_state),
      probability = coalesce(nullif(p_probability, 'NaN'), c.probability),
      at_risk_minor = coalesce(nullif(p_at_risk, missing), c.at_risk_minor),
      model_revision = coalesce(nullif(p_model, ''), c.model_revision)
    WHERE claims.tenant = p_tenant AND claims.id = p_id RETURNING * INTO after;
  INSERT INTO transitions (id, at_ms, audit_sequence, revision, tenant, event, verdict, wire_status,
      business_status, review_status, subject, audit_chain, decision, note)
    VALUES (p_id, p_at_ms, sequences[1], after.revision, p_tenant, p_event, after.verdict, after.wire_status,
      after.business_status, after.review_status, p_subject, p_chain, p_decision, nullif(p_note, ''));
  INSERT INTO outbox (id, at_ms, tenant, claim_id, event, verdict, wire_status, business_status, review_status)
    VALUES (p_id, p_at_ms, p_tenant, c.claim_id, p_event, after.verdict, after.wire_status, after.business_status,
      after.review_status);
  denial := denied(after.business_status, after.review_status, after.verdict)::integer
    - denied(c.business_status, c.review_status, c.verdict)::integer;
  IF denial <> 0 AND c.use = 'claim' AND c.provider_id IS NOT NULL THEN
    INSERT INTO provider_days AS d (tenant, provider_id, day, chain, claims, denied, net_minor)
      VALUES (p_tenant, c.provider_id, id_ms(c.id) / 86400000, p_chain, 0, denial, 0)
      ON CONFLICT (tenant, provider_id, day, chain) DO UPDATE SET denied = d.denied + excluded.denied;
  END IF;
  RETURN after.revision;
END $$
----
-- Appends entries about reads and other events.
CREATE FUNCTION append_events(
  p_tenants text, p_chain text, p_places integer[], p_tenant text[], p_canonical text[], p_event text[],
  p_subject text[], p_at_ms bigint[], p_id uuid[], p_revision integer[], p_content bytea[], p_document bytea[]
) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  PERFORM set_config('ultrathink.tenants', p_tenants, true);
  PERFORM append_entries(p_chain, p_places, array_fill(true, ARRAY[cardinality(p_id)]), p_tenant, p_canonical,
    p_event, p_subject, p_at_ms, p_id, p_revision, p_content, p_document);
END $$
