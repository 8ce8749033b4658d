"""Ranks the providers of the public table without a label: peer groups and an isolation forest.

Peers are providers with, and those without, inpatient claims. A provider's own voice is the mean, over its
sums and ratios, of how far it lies above its peers' median; the forest's is how isolated it is. Both are
turned into shares of the learned providers and averaged. Labels judge, nothing else. No service serves it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn import ensemble, model_selection

from chassis import errors
from scoring.domain import forests, isolation
from scoring.outbound import bundles
from training import (
    anomaly_cards,
    anomaly_fitting,
    anomaly_references,
    conversions,
    measures,
    provider_tables,
    public_bundles,
    writing,
)

TASK = "anomaly"
FOLDS, REPEATS, TOP = 5, 5, 100
TREES, TREE_ROWS = 200, 256
FARTHEST = 50.0  # scales: beyond, a provider is not more unusual
LEAST_SCALE = 0.05  # of a column's standard deviation: columns that are zero for most providers
PEERS_BY = "InpatientClaimCount"
OURS, CHANCE = "peer groups and isolation forest", "chance"
TERMS = (
    "CMS synthetic claims with labels of unknown origin: shows engineering, not real-world fraud detection"
)

type Progress = Callable[[int], None]
type Floats = npt.NDArray[np.float64]


class Voices(NamedTuple):
    """What was learned: per peer group the columns' centres and scales, the forest, both voices' shares."""

    centre: Floats
    scale: Floats
    forest: forests.Forest
    usual_path: float
    above: Floats
    isolated: Floats


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return out-of-fold figures beside the published detectors.

    Raises what `provider_tables.read` raises, and Conflict `bundle.elsewhere`.
    """
    table = provider_tables.read(data)
    public_bundles.clear(out)
    figures: dict[str, Any] = writing.rounded(_out_of_fold(table, seed, progress))
    voices = grow(table, np.arange(len(table.matrix)), seed)
    stored = {name: np.asarray(value) for name, value in voices._asdict().items() if name != "forest"}
    stored |= {f"isolation.{name}": array for name, array in voices.forest._asdict().items()}
    writing.arrays(out / "voices.npz", stored)
    writing.document(out / "metrics.json", figures)
    (out / "card.md").write_text(anomaly_cards.providers(figures))
    figures["revision"] = public_bundles.seal(out, task=TASK, seed=seed, data=table.sha256, names=table.names)
    return figures


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on a provider table; labels are looked at to judge, never to rank.

    Raises NotFound `bundle.missing`, Invalid `bundle.tampered`, `bundle.features_mismatch`, `data.columns`.
    """
    manifest = public_bundles.verify(bundle, TASK)
    table = provider_tables.read(data)
    public_bundles.expect(manifest, table.names)
    score = suspicion(_load(bundle), table, np.arange(len(table.matrix)))
    found: dict[str, Any] = writing.rounded(
        {"n": len(score), "positives": int(table.outcomes.sum())}
        | _figures(table.outcomes, score)
        | {
            "baseline": {"name": provider_tables.ONE_COLUMN} | _figures(table.outcomes, _column(table)),
            "data": TERMS,
            "same_data_as_trained": table.sha256 == manifest.data,
        }
    )
    return found


def grow(table: provider_tables.Table, learned: npt.NDArray[np.intp], seed: int) -> Voices:
    """Return what the learned rows teach."""
    matrix = table.matrix[learned].astype(np.float64)
    group = _groups(table, learned)
    centre, scale = np.zeros((2, matrix.shape[1])), np.ones((2, matrix.shape[1]))
    for peers in np.unique(group).tolist():
        own = matrix[group == peers]
        centre[peers] = np.median(own, axis=0)
        spread = anomaly_fitting.MAD_TO_SD * np.median(np.abs(own - centre[peers]), axis=0)
        scale[peers] = np.maximum(spread, LEAST_SCALE * own.std(axis=0) + 1e-9)
    grown = ensemble.IsolationForest(
        n_estimators=TREES, max_samples=min(TREE_ROWS, len(learned)), random_state=seed
    )
    forest = conversions.from_isolation(grown.fit(table.matrix[learned]))
    path = isolation.usual_path(min(TREE_ROWS, len(learned)))
    voices = Voices(centre, scale, forest, path, np.zeros(0), np.zeros(0))
    above, isolated = _voices(voices, table, learned)
    return voices._replace(above=np.sort(above), isolated=np.sort(isolated))


def suspicion(voices: Voices, table: provider_tables.Table, asked: npt.NDArray[np.intp]) -> Floats:
    """Return the mean of both voices, each as the share of learned providers that are less unusual."""
    above, isolated = _voices(voices, table, asked)
    answer: Floats = (np.searchsorted(voices.above, above) + np.searchsorted(voices.isolated, isolated)) / (
        2 * len(voices.above)
    )
    return answer


def _voices(
    voices: Voices, table: provider_tables.Table, asked: npt.NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return how far providers lie above their peers, and how isolated they are."""
    group, matrix = _groups(table, asked), table.matrix[asked]
    off = np.clip((matrix - voices.centre[group]) / voices.scale[group], 0, FARTHEST)
    alone = isolation.Isolation(voices.forest, voices.usual_path, np.zeros(0))
    return np.log1p(off).mean(axis=1), isolation.scores(alone, matrix)


def _groups(table: provider_tables.Table, asked: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the peer group of providers: 1 with inpatient claims, 0 without."""
    answer: npt.NDArray[np.intp] = (table.matrix[asked, table.names.index(PEERS_BY)] > 0).astype(np.intp)
    return answer


def _column(table: provider_tables.Table) -> Floats:
    return table.matrix[:, table.names.index(provider_tables.ONE_COLUMN)].astype(np.float64)


def _out_of_fold(table: provider_tables.Table, seed: int, progress: Progress | None) -> dict[str, Any]:
    """Return every detector's figures out of fold, with their spread over repeated foldings."""
    rounds = []
    for repeat in range(REPEATS):
        rounds.append(_round(table, seed * REPEATS + repeat))
        if progress:
            progress(repeat + 1)
    detectors = {
        name: {key: measures.spread([one[name][key] for one in rounds]) for key in rounds[0][name]}
        for name in rounds[0]
    }
    return {
        "n": len(table.outcomes),
        "positives": int(table.outcomes.sum()),
        "detectors": detectors,
        "protocol": f"{FOLDS} folds, out of fold, {REPEATS} times; no label is learned from",
        "data": TERMS,
    }


def _round(table: provider_tables.Table, seed: int) -> dict[str, dict[str, float]]:
    """Return the figures of one folding."""
    names = (OURS, *anomaly_references.DETECTORS)
    scores = {name: np.zeros(len(table.outcomes)) for name in names}
    matrix = table.matrix.astype(np.float64)
    folds = model_selection.KFold(FOLDS, shuffle=True, random_state=seed)
    for learned, held in folds.split(matrix):
        scores[OURS][held] = suspicion(grow(table, learned, seed), table, held)
        for name, learn in anomaly_references.DETECTORS.items():
            scores[name][held] = learn(matrix[learned], seed)(matrix[held])
    scores["total reimbursed, one column"] = _column(table)
    scores[CHANCE] = np.random.default_rng(seed).random(len(table.outcomes))
    return {name: _figures(table.outcomes, score) for name, score in scores.items()}


def _figures(outcomes: measures.Outcomes, score: Floats) -> dict[str, float]:
    """Return precision among the first hundred, auc and pr_auc."""
    first = np.argsort(-score, kind="stable")[:TOP]
    return {"precision_at_100": float(outcomes[first].mean()), **measures.ranking(outcomes, score)}


def _load(bundle: Path) -> Voices:
    """Return what a verified bundle learned."""
    try:
        stored = bundles.read_arrays(bundle / "voices.npz")
        plain = {name: stored[name] for name in ("centre", "scale", "above", "isolated")}
        forest = bundles.load_forest(stored, "isolation")
        return Voices(forest=forest, usual_path=float(stored["usual_path"]), **plain)
    except (KeyError, ValueError, OSError) as error:
        raise errors.Invalid("bundle.unreadable", f"The bundle {bundle.name} cannot be read.") from error
