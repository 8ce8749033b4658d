"""Model cards of anomaly bundles."""

from typing import Any

from scoring.domain import anomalies, peers
from training import anomaly_evaluation

SIMULATED = """**Simulated.** Figures say how well anomalies that we put into simulated claims are found,
and nothing about real ones.
"""

JUDGED = """Judged on {n:,} later claims. Told of {lines:.1%} of lines,
{lines_of_new_providers:.1%} of those of providers never seen, and of {claims_as_a_whole:.1%} of claims
as wholes; {lines_not_judged:.1%} of lines have too few peers. Mean ± standard deviation over {draws}
draws of {injected_per_kind} claims per kind.
"""

LIMITS = """## Limits
- An anomaly is a hint, no forecast of a denial and no accusation: nothing decides by it.
- Whatever most peers do is usual, right or wrong. Who is the only one of a kind is compared with strangers.
- Prices rise: the longer ago the bundle learned, the more is told of honest claims. Train again.
- Injected anomalies are of our own making: real ones are neither labelled nor drawn from these sizes.
"""


def claims(manifest: dict[str, Any], figures: dict[str, Any], made_by: str) -> str:
    """Return the card of a bundle that judges claims."""
    told, data = figures["told"], manifest["data"]
    levels = ", else ".join(" × ".join(level) for level in peers.LINE_LEVELS)
    facts = {
        "answers": "percentile of a line, and of a claim, among named peers, with evidence",
        "peers": f"{levels}; {peers.MIN_PEERS} members or more",
        "told": f"percentile {anomalies.TOLD_PERCENTILE:.0f} or above, and rarer than one in a hundred rows",
        "data": f"{made_by}: {data['claims']:,} claims, {data['lines']:,} lines",
        "sha256 of the data": data["fingerprint"],
        "training": f"`{manifest['command']}`",
        "row schema": manifest["row_schema_hash"],
    }
    return "\n".join([
        f"# {manifest['name']}: what is unusual about this line, this claim?\n",
        *([SIMULATED] if manifest["simulated"] else []),
        "| | |\n|-|-|",
        *(f"| {name} | {text} |" for name, text in facts.items()),
        "",
        JUDGED.format(**figures | told),
        *table(figures, "precision_at_100", "precision at 100"),
        *table(figures, "with_slips_at_100", "the same, slips of clerks being hits"),
        *table(figures, "auc", "AUC"),
        *_told(figures),
        LIMITS,
    ])  # fmt: skip


def table(figures: dict[str, Any], key: str, title: str) -> list[str]:
    """Return one figure per detector and kind, mean ± spread over draws; nothing where nobody knows it."""
    kinds = figures["kinds"]
    names = list(next(iter(kinds.values())))
    if any(key not in kinds[kind][name] for kind in kinds for name in names):
        return []
    rows = [f"| {name} | {' | '.join(_spread(kinds[kind][name][key]) for kind in kinds)} |" for name in names]
    return [*_head(title, kinds), *rows, ""]


def _told(figures: dict[str, Any]) -> list[str]:
    """Return of which share of the changed claims something is told."""
    kinds = figures["kinds"]
    cells = [_spread(kinds[kind][anomaly_evaluation.OURS]["told"]) for kind in kinds]
    return [*_head("changed claims", kinds), f"| told | {' | '.join(cells)} |", ""]


def _head(title: str, kinds: dict[str, Any]) -> list[str]:
    return [f"| {title} | {' | '.join(kinds)} |", f"|-|{'-|' * len(kinds)}"]


def providers(figures: dict[str, Any]) -> str:
    """Return the card of a bundle that ranks providers."""
    rows = [
        f"| {name} | {_spread(one['precision_at_100'])} | {_spread(one['auc'])} | {_spread(one['pr_auc'])} |"
        for name, one in figures["detectors"].items()
    ]
    return "\n".join([
        "# anomaly: which providers look unlike the others, without a label?\n",
        f"{figures['data']}. Never a reason to accuse anyone.\n",
        f"{figures['n']:,} providers, {figures['positives']:,} positive; {figures['protocol']}.\n",
        "| | precision at 100 | AUC | PR-AUC |", "|-|-|-|-|",
        *rows, "",
    ])  # fmt: skip


def _spread(figure: dict[str, float | None]) -> str:
    """Return mean ± standard deviation; without a spread, the mean."""
    mean, sd = figure["mean"], figure["sd"]
    if mean is None:
        return "–"
    return f"{mean:.3f}" if sd is None else f"{mean:.3f} ± {sd:.3f}"
