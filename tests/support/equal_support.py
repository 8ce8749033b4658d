"""The same claims judged by us and by the peers that do the same work: what each finds, as rule and path."""

import datetime as dt
import functools
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peers.equal import codesets, history, rules, shapes, texts

from claims.domain import histories, identities, neighbours
from claims.domain.rules import engine, examples, tables
from claims.outbound import pack_files
from formats import canonical, model

PACKS = Path(__file__).parents[2] / "packs"
KEY = b"k" * 32

type Found = list[tuple[str, str]]  # rule and path


@functools.cache
def committed() -> engine.Engine:
    """Return the engine that `ultrathink up` gives the tenant demo."""
    book = pack_files.library(PACKS).common
    return engine.Engine(book.packs, book.tables)


@functools.cache
def committed_tables() -> tables.Tables:
    """Return the committed tables."""
    return pack_files.library(PACKS).common.tables


@functools.cache
def code_sets() -> codesets.Tables:
    """Return the same tables as the peers read them."""
    return codesets.load()


@functools.cache
def book() -> rules.Rules:
    """Return the peers' rules with what they read from the same files."""
    return rules.Rules(_said(), code_sets())


@functools.cache
def _said() -> texts.Texts:
    return texts.Texts()


def laid(partial: Mapping[str, Any]) -> tuple[engine.Engine, rules.Rules]:
    """Return both sides with an example's own rows in place of their tables."""
    own = partial.get("tables", {})
    if not own:
        return committed(), book()
    known = committed_tables()
    ours = engine.Engine(committed().packs, examples.laid(partial, known))
    theirs = {name: _table(known, name, rows) for name, rows in own.items()}
    return ours, rules.Rules(_said(), code_sets().under(theirs))


def _table(known: tables.Tables, name: str, rows: Mapping[str, Any]) -> codesets.Table:
    found = known.find(name)
    assert found is not None
    normal = {tables.normal(key, dotless=found.dotless): dict(row) for key, row in rows.items()}
    return codesets.Table(normal, dotless=found.dotless)


def ours(claims: Sequence[model.Claim], as_of: dt.date, judge: engine.Engine | None = None) -> list[Found]:
    """Return our findings of claims sent one after the other, each the next one's past unless refused."""
    judge = judge or committed()
    before = neighbours.Neighbours()
    found = []
    for claim in claims:
        identity = identities.identify(claim, tenant="demo", key=KEY, looking=judge.windows)
        question = histories.ask(claim, identity)
        nothing = histories.Known(past=[histories.Told()] * len(question.keys))
        known = before.beside("demo", question, nothing)
        past = histories.of_lines(claim, question, known)
        now, later = judge.evaluate(claim, as_of=as_of), judge.evaluate_past(claim, as_of=as_of, past=past)
        said = [*now.findings, *later.findings]
        if not any(finding.severity == "error" for finding in said):
            before.add("demo", question, histories.leaves(claim, identity))
        found.append(sorted((finding.rule, finding.path) for finding in said))
    return found


def theirs(claims: Sequence[bytes], as_of: dt.date, judge: rules.Rules | None = None) -> list[Found]:
    """Return the peers' findings of the same claims."""
    return [
        sorted((finding["rule"], finding["path"]) for finding in told)
        for told in theirs_in_full(claims, as_of, judge)
    ]


def theirs_in_full(
    claims: Sequence[bytes], as_of: dt.date, judge: rules.Rules | None = None
) -> list[list[texts.Finding]]:
    """Return the peers' findings with their texts."""
    judge = judge or book()
    before: dict[str | None, list[history.Service]] = defaultdict(list)
    found = []
    for body in claims:
        claim = shapes.Claim.model_validate_json(body)
        patient, asked = history.patient(claim), history.services(claim)
        told = judge.check(claim, asked, before[patient] if patient else [], as_of)
        if patient and not any(finding["severity"] == "error" for finding in told):
            before[patient] += [service for service in asked if service is not None]
        found.append(told)
    return found


def read(documents: Sequence[Mapping[str, Any]]) -> list[model.Claim]:
    """Return claims of canonical JSON as we read them; raise Invalid for one that we refuse."""
    return [canonical.decode(json.dumps(document).encode()) for document in documents]
