"""A decision as a biller reads it: what is wrong, where, what to do, and how likely denial is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box, table, text

VERDICT_STYLE = {"accept": "bold green", "review": "bold yellow", "reject": "bold red"}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "info": "cyan"}
PERCENT = 100


def claims_table(
    decisions: Iterable[Mapping[str, Any]], *, lang: str, title: str | None = None
) -> table.Table:
    """Return one row per claim in `lang` (en or ar): verdict and risk at the left, findings at the right.

    Two columns, so that a terminal of eighty characters is enough.
    """
    view = table.Table(box=box.SIMPLE_HEAD, show_lines=True, title=title, title_justify="left", expand=True)
    view.add_column("claim, verdict, risk of denial", ratio=2)
    view.add_column("findings: rule, place, what, remedy", ratio=3)
    for decision in decisions:
        head = text.Text(f"{decision['claim_id']}\n", style="bold")
        head.append(f"{decision['verdict']}\n", style=VERDICT_STYLE[decision["verdict"]])
        view.add_row(head + risk(decision, lang), findings(decision, lang))
    return view


def findings(decision: Mapping[str, Any], lang: str) -> text.Text:
    """Return the findings and, last and dim, how many rules could not be decided."""
    told = text.Text()
    for finding in decision["findings"]:
        told.append(f"{finding['severity']:<8}", style=SEVERITY_STYLE[finding["severity"]])
        told.append(f"{finding['rule']}  {finding['path']}\n", style="bold")
        told.append(f"  {_words(finding['message'], lang)}\n")
        if finding.get("suggestion"):
            told.append(f"  → {_words(finding['suggestion'], lang)}\n", style="green")
    if not decision["findings"]:
        told.append("nothing wrong found\n")
    undecided = decision.get("not_checked", [])
    if undecided:
        told.append(f"not checked: {', '.join(sorted({entry['rule'] for entry in undecided}))}", style="dim")
    told.rstrip()
    return told


def risk(decision: Mapping[str, Any], lang: str) -> text.Text:
    """Return the claim's calibrated probability, the money at risk and the riskiest line's reason."""
    found = decision["risk"]
    if found["state"] != "scored":
        return text.Text(f"not scored: {found.get('reason', found['state'])}", style="dim")
    told = text.Text(f"risk {found['probability'] * PERCENT:.0f} %")
    if found.get("at_risk_minor"):
        told.append(f", {found['at_risk_minor'] / PERCENT:,.2f} {found.get('currency', '')} at risk")
    for line in _likely(found.get("lines", [])):
        reason = line["likely_reason"]
        code = reason.get("nphies") or reason.get("carc")
        told.append(f"\nline {line['sequence']}: {line['probability'] * PERCENT:.0f} %, ")
        told.append(f"likely {code} " if code else "")
        told.append(_words(reason["label"], lang))
    if found.get("simulated"):
        told.append("\n(model of a simulated payer)", style="dim")
    return told


def _likely(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    with_reason = [line for line in lines if line.get("likely_reason")]
    return sorted(with_reason, key=lambda line: -float(line["probability"]))[:2]


def _words(words: Mapping[str, str], lang: str) -> str:
    return words.get(lang) or words["en"]
