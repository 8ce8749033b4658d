-- Denied by the payer, or by a reviewer; a rule's reject is neither.
CREATE FUNCTION denied(business text, review text, verdict text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT business = 'rejected' OR (review = 'decided' AND verdict = 'reject')
$$
----
-- The milliseconds in an id.
CREATE FUNCTION id_ms(id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint
$$
----
-- History for a batch of questions. kind 1: duplicates of keys (k_*), kind 2: provider, kind 3: patient.
CREATE FUNCTION lookup(
  p_tenants text, p_since_ms bigint, p_tenant text[], p_claim_id text[], p_provider text[], p_patient text[],
  k_item integer[], k_index integer[], k_key text[], p_most integer
) RETURNS TABLE (kind integer, item integer, place integer, id uuid, claim_id text, line integer,
  claims bigint, denied bigint, net_minor bigint) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('ultrathink.tenants', p_tenants, true);
  RETURN QUERY
    SELECT 1, k_item[k], k_index[k], d.id, d.claim_id, d.line, 0::bigint, 0::bigint, 0::bigint
    FROM generate_series(1, cardinality(k_item)) k, LATERAL (
      SELECT s.id, s.line, c.claim_id FROM service_keys s, LATERAL (
        SELECT o.claim_id FROM claims o WHERE o.tenant = s.tenant AND o.id = s.id OFFSET 0) c
      WHERE s.tenant = p_tenant[k_item[k]] AND s.service_key = substr(sha256(convert_to(k_key[k], 'UTF8')), 1, 12)
        AND c.claim_id <> p_claim_id[k_item[k]]
      ORDER BY s.id DESC LIMIT p_most) d;
  RETURN QUERY
    SELECT 2, q.i, 0, NULL::uuid, ''::text, 0, a.claims, a.denied, a.net_minor
    FROM (SELECT p_tenant[i] AS t, p_provider[i] AS p, min(i) AS i
      FROM generate_series(1, cardinality(p_tenant)) i WHERE p_provider[i] <> '' GROUP BY 1, 2) q, LATERAL (
      SELECT coalesce(sum(d.claims), 0)::bigint AS claims, coalesce(sum(d.denied), 0)::bigint AS denied,
        coalesce(sum(d.net_minor), 0)::bigint AS net_minor
      FROM provider_days d
      WHERE d.tenant = q.t AND d.provider_id = q.p AND d.day >= p_since_ms / 86400000) a;
  RETURN QUERY
    SELECT 3, q.i, 0, NULL::uuid, ''::text, 0, a.claims, a.denied, a.net_minor
    FROM (SELECT p_tenant[i] AS t, p_patient[i] AS p, min(i) AS i
      FROM generate_series(1, cardinality(p_tenant)) i WHERE p_patient[i] <> '' GROUP BY 1, 2) q, LATERAL (
      SELECT count(*) AS claims,
        count(*) FILTER (WHERE denied(c.business_status, c.review_status, c.verdict)) AS denied,
        coalesce(sum(c.submitted_minor), 0)::bigint AS net_minor
      FROM claims c
      WHERE c.tenant = q.t AND c.patient_key = q.p AND c.use = 'claim' AND c.id >= id_floor(p_since_ms)) a;
END $$
