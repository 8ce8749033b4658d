-- Rows under the callers' keys (see HistoryColumns). A probe reads the days it wants, newest first.
CREATE TABLE past_services (
  id uuid NOT NULL,
  quantity_e4 bigint,
  day integer NOT NULL,
  line integer NOT NULL,
  key bytea NOT NULL,
  mark bytea,
  tenant text NOT NULL
)
----
CREATE INDEX past_services_by_key ON past_services (tenant, key, day)
----
CREATE INDEX past_services_by_age ON past_services USING brin (id) WITH (autosummarize = on)
----
ALTER TABLE past_services ENABLE ROW LEVEL SECURITY
----
ALTER TABLE past_services FORCE ROW LEVEL SECURITY
----
CREATE POLICY tenants_of_the_transaction ON past_services USING (tenant = ANY
  ((SELECT string_to_array(current_setting('ultrathink.tenants', true), ','))::text[]))
----
GRANT SELECT, INSERT, DELETE ON past_services TO ultrathink_app
----
-- A claim that asks for something: not refused before it left or by the payer's door, and not cancelled.
CREATE FUNCTION stands(wire text, business text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT wire <> 'refused' AND business <> 'cancelled'
$$
----
-- `record`, and the history rows of every item whose key is new. They travel as array literals: item, line, key,
-- day, quantity, mark.
CREATE FUNCTION record_with_history(
  p_tenants text, p_chain text, p_items text, p_lines text, p_findings text, p_keys bytea, p_contents bytea,
  p_documents bytea, b_id uuid[], b_tenant text[], b_content bytea[], p_history text
) RETURNS TABLE (item integer, id uuid, content_hash bytea) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  missing CONSTANT bigint := -9223372036854775808;
  items text[] := string_to_array(p_items, E'\x1e');
  rows text[] := string_to_array(p_history, E'\x1e');
  p_id uuid[] := items[2];
  p_tenant text[] := string_to_array(items[9], E'\x1f');
  h_item integer[] := rows[1];
  h_line integer[] := rows[2];
  h_key bytea[] := rows[3];
  h_day integer[] := rows[4];
  h_quantity bigint[] := rows[5];
  h_mark bytea[] := rows[6];
  e_item integer[];
  e_id uuid[];
  e_content bytea[];
BEGIN
  SELECT array_agg(r.item), array_agg(r.id), array_agg(r.content_hash) INTO e_item, e_id, e_content
    FROM record(p_tenants, p_chain, p_items, p_lines, p_findings, p_keys, p_contents, p_documents, b_id, b_tenant,
      b_content) r;
  INSERT INTO past_services (id, quantity_e4, day, line, key, mark, tenant)
    SELECT p_id[h_item[h]], nullif(h_quantity[h], missing), h_day[h], h_line[h], h_key[h], h_mark[h],
      p_tenant[h_item[h]]
    FROM generate_series(1, cardinality(h_item)) h
    WHERE e_item IS NULL OR h_item[h] <> ALL (e_item);
  IF e_item IS NOT NULL THEN
    RETURN QUERY SELECT * FROM unnest(e_item, e_id, e_content);
  END IF;
END $$
----
-- `lookup` as of an id, with questions about keys (q_*). kind 1: duplicates by service keys of the first schema
-- (k_*), kind 2: provider, kind 3: patient, kind 4: rows of a key, each with the sum over all of them.
CREATE FUNCTION recall(
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
  -- IS TRUE hides two conditions from the indexes: of a month without statistics the planner would else take the
  -- primary key for as good as the patient's index, and read the tenant's month once per patient.
  RETURN QUERY
    SELECT 3, q.i, 0, NULL::uuid, ''::text, 0, a.claims, a.denied, a.net_minor, NULL::integer,
      NULL::bigint, NULL::bytea, NULL::text, NULL::text
    FROM (SELECT p_tenant[i] AS t, p_patient[i] AS p, p_since_ms[i] AS since, p_before[i] AS before, min(i) AS i
      FROM generate_series(1, cardinality(p_tenant)) i WHERE p_patient[i] <> '' GROUP BY 1, 2, 3, 4) q, LATERAL (
      SELECT count(*) AS claims,
        count(*) FILTER (WHERE denied(c.business_status, c.review_status, c.verdict)) AS denied,
        coalesce(sum(c.submitted_minor), 0)::bigint AS net_minor
      FROM claims c
      WHERE c.patient_key = q.p AND c.use = 'claim' AND c.id >= id_floor(q.since)
        AND (c.tenant = q.t) IS TRUE AND (c.id < q.before) IS TRUE) a;
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
