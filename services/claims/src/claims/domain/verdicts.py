"""The verdict: what findings and risk together mean for a claim. Rules may reject; a model never does."""

from collections.abc import Sequence

from claims.domain import decisions


def decide(
    findings: Sequence[decisions.Finding], risk: decisions.Risk, *, review_threshold: float
) -> decisions.Verdict:
    """Return the verdict on a claim.

    Any finding of severity error rejects. Otherwise a claim that was not scored, whose inputs lie outside
    the model's range, whose probability of denial reaches `review_threshold`, or that has a finding marked
    for review goes to a person. Everything else is accepted: warnings and undecidable rules change nothing.
    """
    if refused(findings):
        return "reject"
    if True in [finding.review for finding in findings] or _doubtful(risk, review_threshold):
        return "review"
    return "accept"


def refused(findings: Sequence[decisions.Finding]) -> bool:
    """Return whether rules alone keep a claim from being sent."""
    return "error" in [finding.severity for finding in findings]


def _doubtful(risk: decisions.Risk, threshold: float) -> bool:
    return risk.state != "scored" or risk.probability is None or risk.probability >= threshold
