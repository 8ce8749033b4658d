"""What other rules would have made of claims: findings that come and go, verdicts that turn, and their money.

Room: domain. A finding is told apart by rule and path; its words may change without anything having changed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from claims.domain import decisions
from formats import money

type Name = tuple[str, str]  # rule and path


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One claim judged twice; `submitted` is in minor units of `currency`, None where it has no sum."""

    claim_id: str
    id: str = ""
    before: str
    after: str
    appeared: list[Name]
    vanished: list[Name]
    undecided: list[Name] = []  # not checked any more, or now: rules that said something on one side only
    currency: str | None = None
    submitted: int | None = None

    def any(self) -> bool:
        """Tell whether anything changed."""
        return self.before != self.after or bool(self.appeared or self.vanished or self.undecided)


def findings(
    before: Sequence[decisions.Finding], after: Sequence[decisions.Finding]
) -> tuple[list[Name], list[Name]]:
    """Return which findings appear and which vanish, each as often as it does."""
    old, new = _names(before), _names(after)
    return sorted((new - old).elements()), sorted((old - new).elements())


def unchecked(before: Iterable[decisions.NotChecked], after: Iterable[decisions.NotChecked]) -> list[Name]:
    """Return the rules and paths that are undecided on one side only."""
    return sorted({(one.rule, one.path) for one in before} ^ {(one.rule, one.path) for one in after})


def _names(found: Iterable[decisions.Finding]) -> Counter[Name]:
    return Counter((finding.rule, finding.path) for finding in found)


class Report:
    """Sums up differences; adding is cheap and order does not matter."""

    KEPT = 100  # claims shown one by one; all are counted

    def __init__(self) -> None:
        self.claims = 0
        self.unreadable = 0
        self.changed = 0
        self._turns: Counter[tuple[str, str]] = Counter()
        self._money: Counter[tuple[str, str, str]] = Counter()
        self._rules: dict[str, Counter[str]] = {}
        self._shown: list[Difference] = []
        self._refused: list[str] = []

    def add(self, found: Difference) -> None:
        """Count one claim."""
        self.claims += 1
        if not found.any():
            return
        self.changed += 1
        if len(self._shown) < self.KEPT:
            self._shown.append(found)
        if found.before != found.after:
            self._turns[found.before, found.after] += 1
            if found.submitted is not None:
                self._money[found.before, found.after, found.currency or ""] += found.submitted
        for word, names in (
            ("appeared", found.appeared), ("vanished", found.vanished), ("undecided", found.undecided)
        ):  # fmt: skip
            for rule, _ in names:
                self._rules.setdefault(rule, Counter())[word] += 1

    def refuse(self, ids: Sequence[str]) -> None:
        """Count claims that could not be read or judged; a few are named."""
        self.unreadable += len(ids)
        self._refused += ids[: self.KEPT - len(self._refused)]

    def document(self) -> dict[str, object]:
        """Return everything as a plain document; money is decimal text in major units, by currency."""
        return {
            "claims": self.claims,
            "unreadable": self.unreadable,
            "refused": list(self._refused),
            "changed": self.changed,
            "verdicts": [
                {"before": before, "after": after, "claims": count, "money": self._sums(before, after)}
                for (before, after), count in sorted(self._turns.items())
            ],
            "rules": [
                {"rule": rule, **{word: counts[word] for word in ("appeared", "vanished", "undecided")}}
                for rule, counts in sorted(self._rules.items())
            ],
            "examples": [msgspec.to_builtins(one) for one in self._shown],
        }

    def _sums(self, before: str, after: str) -> dict[str, str]:
        return {
            currency: f"{money.from_minor(amount, currency or None):f}"
            for (old, new, currency), amount in sorted(self._money.items())
            if (old, new) == (before, after)
        }
