"""Planting one fault into a sound claim: small edits of its canonical JSON, named by dotted paths."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

type Json = dict[str, Any]
type Edit = Callable[[Json], None]


class Fault(NamedTuple):
    """A fault: the sound claim it is planted into, how, and the one rule that must see it, at which path."""

    base: str
    what: str
    rule: str
    path: str
    edits: tuple[Edit, ...]


def planted(sound: Mapping[str, Any], fault: Fault) -> Json:
    """Return a copy of the sound claim with the fault in it."""
    claim = copy.deepcopy(dict(sound))
    for edit in fault.edits:
        edit(claim)
    return claim


def put(path: str, value: Any) -> Edit:
    """Set the value at a path; the last part may be new."""

    def edit(claim: Json) -> None:
        holder, name = _holder(claim, path)
        holder[name] = value

    return edit


def drop(path: str) -> Edit:
    """Take away what stands at a path."""

    def edit(claim: Json) -> None:
        holder, name = _holder(claim, path)
        del holder[name]

    return edit


def again(path: str, **changes: Any) -> Edit:
    """Append a copy of the last member of a list, with changed fields."""

    def edit(claim: Json) -> None:
        holder, name = _holder(claim, path)
        holder[name].append({**copy.deepcopy(holder[name][-1]), **changes})

    return edit


def add(path: str, member: Any) -> Edit:
    """Append a member to a list, made where it is not there."""

    def edit(claim: Json) -> None:
        holder, name = _holder(claim, path)
        holder[name] = [*(holder[name] if isinstance(holder, list) else holder.get(name, [])), member]

    return edit


def without(category: str) -> Edit:
    """Take away the supporting information of a category, and every pointer to it."""

    def edit(claim: Json) -> None:
        gone = {entry["sequence"] for entry in claim["supporting_info"] if entry["category"] == category}
        if not gone:
            raise LookupError(category)
        claim["supporting_info"] = [e for e in claim["supporting_info"] if e["sequence"] not in gone]
        for line in claim["lines"]:
            left = [found for found in line.get("information_sequences", []) if found not in gone]
            line["information_sequences"] = left

    return edit


def information(category: str, **changes: Any) -> Edit:
    """Change fields of the supporting information of a category; None takes a field away."""

    def edit(claim: Json) -> None:
        (entry,) = [found for found in claim["supporting_info"] if found["category"] == category]
        entry.update(changes)
        for name in [name for name, value in changes.items() if value is None]:
            del entry[name]

    return edit


def _holder(claim: Json, path: str) -> tuple[Any, Any]:
    *parents, last = [int(part) if part.lstrip("-").isdigit() else part for part in path.split(".")]
    holder: Any = claim
    for part in parents:
        holder = holder[part] if isinstance(part, int) else holder.setdefault(part, {})
    return holder, last
