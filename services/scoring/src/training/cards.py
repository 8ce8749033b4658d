"""Model cards: what a model is, what it was made of, how well it does and where it must not be trusted."""

from pathlib import Path
from typing import Any

import msgspec

from training import boosting, fitting, splits

HEADER = """| | n | denied | AUC | PR-AUC | Brier | ECE | F1 | recall at 95 % precision |
|-|-|-|-|-|-|-|-|-|"""

BASELINES = {
    "prior": "prior", "findings": "count of scrub findings", "logistic": "logistic, same features",
    "uncalibrated": "the model without calibration", "bayes_optimal": "Bayes-optimal",
}  # fmt: skip

SIMULATED = """**Simulated.** The claims were generated and the outcomes decided by the pseudo-payer of this
repository. Every figure below says how well the model finds that simulator's hidden rules, and
nothing about a real payer.
"""
TOLD = """Outcomes are what payers answered, as they were told to the platform. Who exported them said that
these were real payers; nobody else has checked it.
"""
LIMITS = """## Limits
- Real payers' rules, prices and noise differ: train on real adjudications before any use beyond
demonstration.
- Denials by rules that began after training are found only as far as they resemble known ones (last rows).
- Contributions explain the model in log-odds, not the payer. Reasons are guessed given that a line is denied.
- Numbers outside the training range, another `use` and another currency are not scored; unseen codes are.
- Bayes-optimal is the simulator's own probability before the dice fell. It knows members' files, contracts
and the reviewers' mood of the day, which no claim says: a model of claims cannot reach it.
- A model never rejects a claim alone.
"""


class _Origin(msgspec.Struct, frozen=True):
    """The part of meta.json that says how the data came about."""

    claims: int
    seed: int


def origin(data: Path) -> str:
    """Return the command that made the data, where the folder says so."""
    meta = data / "meta.json"
    if not meta.exists():
        return "not by `ultrathink simulate`"
    found = msgspec.json.decode(meta.read_bytes(), type=_Origin)
    return f"`ultrathink simulate --claims {found.claims} --seed {found.seed} --out DATA`"


def denial(manifest: dict[str, Any], metrics: dict[str, Any], libraries: dict[str, str], made_by: str) -> str:
    """Return the card of a denial bundle in Markdown."""
    judged = metrics["judged"]
    return "\n".join([
        f"# {manifest['name']}: will a payer deny this line, this claim?\n",
        SIMULATED if manifest["simulated"] else TOLD,
        _facts(manifest, libraries, made_by),
        _split(),
        f"## Figures on the judged months{' (simulated)' if manifest['simulated'] else ''}",
        HEADER,
        *_rows(judged),
        "",
        _spreads(judged),
        LIMITS,
    ])  # fmt: skip


def _facts(manifest: dict[str, Any], libraries: dict[str, str], made_by: str) -> str:
    """Return the table of what the model is and where it comes from."""
    grown = ", ".join(f"{name}: {library}" for name, library in libraries.items())
    data = manifest["data"]
    facts = {
        "answers": "probability that a line, and a claim, is denied in whole or in part; its reasons",
        "models": f"{grown}; depth {boosting.DEPTH}, {boosting.ROUNDS} rounds; "
        "line and claim each of the library with the lower out-of-fold log-loss",
        "data": f"{made_by}: {data['claims']:,} claims, {data['lines']:,} lines",
        "sha256 of the data": data["fingerprint"],
        "training": f"`{manifest['command']}`",
        "row schema": manifest["row_schema_hash"],
        "flag threshold": f"{manifest['flag_threshold']}: best F1 of lines on the calibration slice",
    }
    return "\n".join(["| | |", "|-|-|", *(f"| {name} | {text} |" for name, text in facts.items()), ""])


def _split() -> str:
    """Return who was learned from and who judges."""
    return f"""## Split
Learned from the first {splits.TRAIN_SHARE:.1%} of the months, calibrated on those up to
{splits.CALIBRATE_SHARE:.0%}, judged on the rest. {splits.HELD_OUT_BUCKETS} % of providers and as many
patients are in neither of them. Some rule families exist only in the judged months. In training
{fitting.MASKED_SHARE:.0%} of category values were hidden and of optional numbers removed, so that unseen and
missing values have been learned. Calibration is isotonic.
"""


def _rows(judged: dict[str, Any]) -> list[str]:
    """Return the rows of the table of figures."""
    lines = judged["lines"]
    shown = {
        "claims": judged,
        **_beside("claims", judged),
        "claims of providers never seen": judged["strangers"]["providers"],
        "claims of patients never seen": judged["strangers"]["patients"],
        "lines": lines,
        **_beside("lines", lines),
    }
    for name, told in (("seen", "families seen in training"), ("unseen", "families never seen")):
        if figures := lines["families"].get(name):
            shown |= {f"lines, {told}": figures, **_beside(f"lines, {told}", figures)}
    return [_row(name, figures) for name, figures in shown.items()]


def _beside(name: str, figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the baselines of a row of figures, named after it; a slice too small for figures has none."""
    baselines = figures.get("baselines", {})
    return {f"{name}: {told}": baselines[key] for key, told in BASELINES.items() if key in baselines}


def _row(name: str, figures: dict[str, Any]) -> str:
    """Return one row of the table; a figure that does not exist is a dash."""
    keys = ("auc", "pr_auc", "brier", "ece", "f1", "recall_at_95_precision")
    cells = [f"{figures[key]:.3f}" if figures.get(key) is not None else "–" for key in keys]
    return f"| {name} | {figures['n']:,} | {figures.get('positives', 0):,} | {' | '.join(cells)} |"


def _spreads(judged: dict[str, Any]) -> str:
    """Return the spread over groups of providers, the share not scored, and how well reasons are guessed."""
    lines = judged["lines"]
    return f"""Spread over five groups of providers (mean ± standard deviation): claims AUC \
{_spread(judged, "auc")},
PR-AUC {_spread(judged, "pr_auc")}; lines AUC {_spread(lines, "auc")}, PR-AUC {_spread(lines, "pr_auc")}.
Not scored because an input lies outside the training range: {judged["outside_range"]:.2%} of claims.
Reason of denied, flagged lines: first guess {_share(lines, "top1")}, among three {_share(lines, "top3")}.
"""


def _spread(figures: dict[str, Any], key: str) -> str:
    """Return mean ± standard deviation of a figure."""
    found = figures["spread"][key]
    return "–" if found["sd"] is None else f"{found['mean']:.3f} ± {found['sd']:.3f}"


def _share(lines: dict[str, Any], key: str) -> str:
    """Return a share of the guessed reasons as per cent."""
    return f"{lines['reasons'][key]:.0%}" if key in lines["reasons"] else "–"
