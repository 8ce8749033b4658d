"""Texts of findings, out of the packs' own files, read once: severity, message and suggestion by rule."""

import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from peers.equal import words

PACKS = Path(__file__).parents[3] / "packs"
NOTHING = {"en": "nothing", "ar": "لا شيء"}
COMMA = {"en": ", ", "ar": "، "}

type Finding = dict[str, Any]
# (rule, path, row whose fields the texts name, further values)
type Say = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Text:
    """What one rule says."""

    severity: str
    message: dict[str, str]
    suggestion: dict[str, str]
    names: frozenset[str]


class Texts:
    """The texts of all rules of the packs base and history."""

    def __init__(self, packs: Path = PACKS) -> None:
        files = [file for pack in ("base", "history") for file in sorted(packs.glob(f"{pack}/rules/*.yaml"))]
        rules = [rule for file in files for rule in yaml.safe_load(file.read_text())]
        self._texts = {rule["id"]: _text(rule) for rule in rules}

    def finding(self, rule: str, path: str, row: object = None, **values: object) -> Finding:
        """Return what a rule says about a row at a path; values go before the row's own fields."""
        text = self._texts[rule]
        known = {name: values[name] if name in values else getattr(row, name) for name in text.names}
        return {
            "rule": rule,
            "severity": text.severity,
            "path": path,
            "message": _filled(text.message, known),
            "suggestion": _filled(text.suggestion, known),
        }


def _text(rule: dict[str, Any]) -> Text:
    message, suggestion = rule["message"], rule.get("suggestion", {})
    every = "".join([*message.values(), *suggestion.values()])
    names = frozenset(name for _, name, _, _ in string.Formatter().parse(every) if name)
    return Text(rule["severity"], message, suggestion, names)


def _filled(templates: dict[str, str], values: dict[str, object]) -> dict[str, str]:
    return {
        language: template.format(**{name: _shown(value, language) for name, value in values.items()})
        for language, template in templates.items()
    }


def _shown(value: object, language: str) -> str:
    if value is None:
        return NOTHING[language]
    if isinstance(value, list):
        return COMMA[language].join(map(str, value))
    if isinstance(value, datetime):
        return str(words.day(value))
    return value.isoformat() if isinstance(value, date) else str(value)
