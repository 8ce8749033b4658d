"""All rules over one claim and the patient's earlier services."""

from collections.abc import Sequence
from datetime import date, datetime

from peers.equal import (
    codesets,
    dates,
    diagnoses,
    history,
    money,
    parties,
    sequences,
    services,
    shapes,
    texts,
    words,
)


class Rules:
    """The rules with their texts and tables, read once."""

    def __init__(self, said: texts.Texts, tables: codesets.Tables) -> None:
        self._texts, self._tables = said, tables

    def check(
        self,
        claim: shapes.Claim,
        asked: Sequence[history.Service | None],
        earlier: history.Services,
        today: date | None = None,
    ) -> list[texts.Finding]:
        """Return the findings of a claim; `asked` are its own services, `earlier` the patient's."""
        found: list[texts.Finding] = []

        def say(rule: str, path: str, row: object = None, **values: object) -> None:
            found.append(self._texts.finding(rule, path, row, **values))

        money.check(claim, say)
        sequences.check(claim, say)
        dates.check(claim, today or datetime.now(words.ZONE).date(), say)
        diagnoses.check(claim, self._tables, say)
        parties.check(claim, say)
        services.check(claim, self._tables, say)
        history.check(claim, asked, earlier, self._tables, say)
        return found


def load() -> Rules:
    """Return the rules with everything they read from files."""
    return Rules(texts.Texts(), codesets.load())
