"""The in-memory twin of the port Completer: suggests one diagnosis, refuses amounts."""

from collections.abc import Sequence

from chassis import contexts, errors
from claims.domain import completions, decisions
from formats import model

REVISION = "0" * 64
MODEL = completions.Model(
    name="twin",
    revision=REVISION,
    task="diagnosis-completion",
    simulated=True,
    data="nothing",
    knows=completions.Knows(reads=["hcpcs"], answers=["icd-10-cm"], currencies=["SAR"], regimes=["base"]),
)


class FakeCompleter:
    """Suggests one diagnosis for claims with coded lines, refuses amounts; `fault` stands for its absence."""

    def __init__(self) -> None:
        self.fault: errors.Fault | None = None
        self.asked: list[tuple[model.Claim, list[completions.Open]]] = []

    async def complete(
        self, context: contexts.CallContext, claim: model.Claim, opened: Sequence[completions.Open]
    ) -> completions.Told:
        """Return one answer per open place, in order."""
        del context
        if self.fault is not None:
            raise self.fault
        self.asked.append((claim, list(opened)))
        return completions.Told(answers=[_answer(claim, place) for place in opened], models=[MODEL])


def _answer(claim: model.Claim, place: completions.Open) -> completions.Suggestion | completions.Refusal:
    if place.wanted == "line_net":
        return _refused(place, "completion.no_model", "")
    if not any(line.code for line in claim.lines):
        return _refused(place, "completion.no_codes", "")
    label = completions.Label(en="General examination", ar="فحص عام")
    said = decisions.Bilingual(en="The service spoke for it.", ar="دلت عليه الخدمة.")
    return completions.Suggestion(
        path=place.path,
        wanted=place.wanted,
        first=completions.Choice(
            kind="code", value="Z00.00", system="icd-10-cm", confidence=0.5, label=label
        ),
        covered=0.75,
        evidence=[completions.Evidence(path="lines[0].code", text=said, cases=4, agreeing=2, weight=1.0)],
        training_cases=8,
        similar_cases=4,
        model=REVISION,
    )


def _refused(place: completions.Open, reason: str, revision: str) -> completions.Refusal:
    text = decisions.Bilingual(en="A twin knows nothing of this.", ar="لا يعرف التوأم شيئا عن هذا.")
    return completions.Refusal(
        path=place.path, wanted=place.wanted, reason=reason, message=text, remedy=text, model=revision
    )
