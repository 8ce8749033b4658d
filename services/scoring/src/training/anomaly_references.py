"""Published detectors beside which ours is judged: each learns the columns of a matrix, and then ranks rows.

None of them knows peers. Larger is more unusual. Formulas: ECOD (Li et al., 2022), COPOD (Li et al., 2020),
HBOS (Goldstein and Dengel, 2012); the isolation forest (Liu et al., 2008) is scikit-learn's.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn import ensemble

TREES = 200
BINS = 20
TINY = 1e-9

type Doubles = npt.NDArray[np.float64]
type Scores = Callable[[Doubles], Doubles]


def ecod(learned: Doubles, seed: int = 0) -> Scores:
    """Return the largest of three sums of −ln tail shares: left, right, and the skewed tails."""
    del seed
    tails = _tails(learned)
    return lambda judged: np.maximum.reduce([tail.sum(axis=1) for tail in tails(judged)])


def copod(learned: Doubles, seed: int = 0) -> Scores:
    """Return the sum over columns of the larger of the skewed tail's surprise and both tails' mean."""
    del seed
    tails = _tails(learned)

    def scores(judged: Doubles) -> Doubles:
        left, right, skewed = tails(judged)
        return np.maximum(skewed, (left + right) / 2).sum(axis=1)

    return scores


def hbos(learned: Doubles, seed: int = 0) -> Scores:
    """Return the sum over columns of −ln of the density of the value's bin, the fullest bin being 1."""
    del seed
    histograms = [np.histogram(column, BINS) for column in learned.T]

    def scores(judged: Doubles) -> Doubles:
        answer = np.zeros(len(judged))
        for (counts, edges), asked in zip(histograms, judged.T, strict=True):
            place = np.searchsorted(edges, asked, side="right") - 1
            place[asked == edges[-1]] = BINS - 1
            inside = (place >= 0) & (place < BINS)
            members = np.where(inside, counts[np.clip(place, 0, BINS - 1)], 0)
            answer -= np.log(np.maximum(members, 0.5) / counts.max())
        return answer

    return scores


def isolation(learned: Doubles, seed: int = 0) -> Scores:
    """Return scikit-learn's isolation score."""
    forest = ensemble.IsolationForest(n_estimators=TREES, random_state=seed).fit(learned)
    return lambda judged: -forest.score_samples(judged)


def _tails(learned: Doubles) -> Callable[[Doubles], tuple[Doubles, Doubles, Doubles]]:
    """Return −ln of the left, the right and the skewed tail's share per row and column."""
    count, ordered = len(learned), np.sort(learned, axis=0)
    centred = learned - learned.mean(axis=0)
    skew = (centred**3).mean(axis=0) / np.maximum((centred**2).mean(axis=0), TINY) ** 1.5

    def tails(judged: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        shares = np.empty((2, *judged.shape))
        for at, known in enumerate(ordered.T):
            shares[0, :, at] = np.searchsorted(known, judged[:, at], side="right")
            shares[1, :, at] = count - np.searchsorted(known, judged[:, at], side="left")
        left, right = -np.log(np.maximum(shares, 0.5) / count)
        return left, right, np.where(skew < 0, left, right)

    return tails


DETECTORS: dict[str, Callable[[Doubles, int], Scores]] = {
    "isolation forest": isolation,
    "COPOD": copod,
    "ECOD": ecod,
    "HBOS": hbos,
}
