-- Keys first: a tenant, the same for every entry, was compared at each step of the way down.
CREATE INDEX past_services_of_key ON past_services (key, day, tenant)
----
DROP INDEX past_services_by_key
----
-- Lists by amount, risk and probability read an index backwards or forwards; claims without a value are told last.
CREATE INDEX claims_by_risk ON claims (tenant, at_risk_minor, id)
----
CREATE INDEX claims_by_probability ON claims (tenant, probability, id)
----
CREATE INDEX claims_by_amount ON claims (tenant, submitted_minor, id)
----
CREATE INDEX claims_of_provider ON claims (tenant, provider_id, id)
----
CREATE INDEX claims_of_payer ON claims (tenant, payer_id, id)
----
-- What few claims have: nothing is written here when an ordinary claim comes.
CREATE INDEX claims_moved ON claims (tenant, business_status, id) WHERE business_status <> 'draft'
----
CREATE INDEX claims_reviewed ON claims (tenant, id) WHERE review_status = 'decided'
----
CREATE INDEX claims_rejected ON claims (tenant, id) WHERE verdict = 'reject'
----
CREATE INDEX claims_of_other_use ON claims (tenant, use, id) WHERE use <> 'claim'
