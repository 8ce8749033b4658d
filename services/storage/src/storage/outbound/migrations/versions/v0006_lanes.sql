-- A sorted list reads the lanes that its filters leave, each from one end: see listing.py. The reviewers' queue is the
-- lanes that are open, so it needs no index of its own. The tenant comes third: a plan made while a month was empty
-- would else take one of these for the primary key, and did.
CREATE INDEX claims_in_lanes_by_risk ON claims (verdict, review_status, tenant, at_risk_minor, id)
----
CREATE INDEX claims_in_lanes_by_probability ON claims (verdict, review_status, tenant, probability, id)
----
CREATE INDEX claims_in_lanes_by_amount ON claims (verdict, review_status, tenant, submitted_minor, id)
----
DROP INDEX claims_in_review, claims_by_risk, claims_by_probability, claims_by_amount
----
CREATE INDEX claims_by_provider ON claims (provider_id, tenant, id)
----
CREATE INDEX claims_by_payer ON claims (payer_id, tenant, id)
----
DROP INDEX claims_of_provider, claims_of_payer
