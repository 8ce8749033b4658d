"""The two forms of the rules of one program, and which of them judges a batch.

Room: domain. What the columnar form leaves over is judged by the scalar form, so both give one answer; a
claim that no form can judge is answered with what went wrong, and the others with what is true of them.
"""

import decimal
from collections.abc import Sequence

from claims.domain.rules import explaining, packs, programs, runtime, tables
from claims.domain.rules.columnar import batches, judging

MANY = 128  # claims below which the columnar form never pays
WORK = 200_000  # rules × claims from which it does: near it the forms cross, see docs/performance-rules.md
MAX_RESTS = 16  # sets of left-over rules kept compiled; usually there is one, and it never changes

type Said = list[programs.Hit] | Exception


class Forms:
    """Judges claims by these rules; the columnar form is made when it is first worth it.

    `many` says from how many claims it is asked; left out, it depends on the number of rules.
    """

    def __init__(
        self,
        rules: Sequence[packs.Rule],
        known: tables.Tables,
        gatherers: batches.Gatherers,
        *,
        many: int | None = None,
    ) -> None:
        self._rules, self._tables, self._gatherers = rules, known, gatherers
        self._many = many or max(MANY, WORK // max(1, len(rules)))
        self.judge: programs.Judge = programs.judge(rules, known)
        self._columnar: judging.Program | None = None
        self._rests: dict[tuple[int, ...], programs.Judge] = {}

    def pays(self, count: int) -> bool:
        """Tell whether so many claims are judged by the columnar form."""
        return bool(self._rules) and count >= self._many

    def hits(self, cases: Sequence[explaining.Case]) -> list[Said]:
        """Return for each claim where it violates the rules; all cases are of one zone."""
        with decimal.localcontext(runtime.EXACT):
            if not self.pays(len(cases)):
                return [self._alone(self.judge, case) for case in cases]
            try:
                judged = self._wide().judge(
                    [case.claim for case in cases], [case.today for case in cases], cases[0].zone
                )
            except Exception:  # noqa: BLE001 - some claim is at fault: each is judged, and fails, by itself
                return [self._alone(self.judge, case) for case in cases]
            return self._completed(judged, cases)

    def _completed(self, judged: judging.Judged, cases: Sequence[explaining.Case]) -> list[Said]:
        said: list[Said] = list(judged.hits)
        odd = set(judged.claims)
        for at in odd:
            said[at] = self._alone(self.judge, cases[at])
        if judged.rules:
            rest = self._rest(judged.rules)
            for at, (case, hits) in enumerate(zip(cases, judged.hits, strict=True)):
                if at not in odd:
                    more = self._alone(rest, case)
                    said[at] = (
                        more
                        if isinstance(more, Exception)
                        else hits + [(judged.rules[rule], row, truth) for rule, row, truth in more]
                    )
        return said

    def _alone(self, judge: programs.Judge, case: explaining.Case) -> Said:
        try:
            return judge(case.claim, case.today, case.zone, case.past)
        except Exception as cause:  # noqa: BLE001 - a defect of ours that this claim meets is its own
            return cause

    def _wide(self) -> judging.Program:
        if self._columnar is None:
            self._columnar = judging.Program(self._rules, self._tables, self._gatherers)
        return self._columnar

    def _rest(self, places: tuple[int, ...]) -> programs.Judge:
        if places not in self._rests:
            if len(self._rests) >= MAX_RESTS:
                self._rests.clear()
            self._rests[places] = programs.judge([self._rules[at] for at in places], self._tables)
        return self._rests[places]
