"""A second set of peers that does the same work as the platform; the first set, next door, stays as it was.

What these do for each claim, as ours does: read and validate it; 95 rules of the packs base and history that
apply to a canonical claim, with the packs' own texts in English and Arabic; one indexed query for the
patient's earlier services; a claim sent again is answered with its first decision, a changed one under the
same key refused; each line scored, and for flagged lines the strongest contributions; rows of the claim and
its lines and the decision as JSON, committed before the answer.

Left out, in these peers' favour: authentication, row-level security by tenant, the audit chain, the outbox,
rules that could not be decided and what they lacked, checklists of documents and last days to file, the
claim's own model, calibration, likely reasons by a second model and anomalies among peers, counts of the
provider and the patient as features, other regimes and formats.
"""
