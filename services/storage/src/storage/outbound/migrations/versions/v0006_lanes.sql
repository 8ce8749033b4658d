-- A sorted list reads the lanes that its filters leave, each from one end: see listing.py. The reviewers' queue is the
-- lanes that are open, so it needs no index of its own.
CREATE INDEX claims_in_lanes_by_risk ON claims (tenant, verdict, review_status, at_risk_minor, id)
----
CREATE INDEX claims_in_lanes_by_probability ON claims (tenant, verdict, review_status, probability, id)
----
CREATE INDEX claims_in_lanes_by_amount ON claims (tenant, verdict, review_status, submitted_minor, id)
----
DROP INDEX claims_in_review, claims_by_risk, claims_by_probability, claims_by_amount
