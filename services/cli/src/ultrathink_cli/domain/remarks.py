"""Remarks about rule packs as people and editors read them: a place, a caret, a SARIF log."""

from collections.abc import Iterable, Mapping
from typing import Any

from ultrathink_cli.domain import sarif as logs

LEVELS = {"error": "error", "advice": "note"}
HELP = "See docs/guides/writing-rules.md, common mistakes."


def place(remark: Mapping[str, Any]) -> str:
    """Return `path:line:column rule.field`, as editors jump to it."""
    name = ".".join(part for part in (remark["rule"], remark["field"]) if part)
    return f"{remark['path']}:{remark['line']}:{remark['column']} {name}".rstrip()


def caret(remark: Mapping[str, Any]) -> list[str]:
    """Return the line of text that is meant and a caret under the place; nothing where no text is meant."""
    if not remark["caret"]:
        return []
    before = remark["excerpt"][: remark["caret"] - 1]
    return [remark["excerpt"], "".join("\t" if mark == "\t" else " " for mark in before) + "^"]


def sarif(remarks: Iterable[Mapping[str, Any]], *, version: str) -> dict[str, Any]:
    """Return the remarks as one SARIF 2.1.0 log; the rule of a result is the kind of remark."""
    told = list(remarks)
    kinds = [{"id": code, "help": {"text": HELP}} for code in sorted({remark["code"] for remark in told})]
    return logs.run(kinds, [_result(remark) for remark in told], version=version)


def _result(remark: Mapping[str, Any]) -> dict[str, Any]:
    region = {"startLine": remark["line"], "startColumn": remark["column"]}
    where = {"artifactLocation": {"uri": logs.uri(remark["path"])}, "region": region}
    name = ".".join(part for part in (remark["rule"], remark["field"]) if part)
    return {
        "ruleId": remark["code"],
        "level": LEVELS[remark["level"]],
        "message": {"text": f"{name}: {remark['message']} {remark['remedy']}".removeprefix(": ").strip()},
        "locations": [{"physicalLocation": where}],
    }
