"""Packs as their authors see them: every rule with its place in its file, and whatever is wrong, all at once.

Room: outbound. For the tools that help to write packs; the platform itself reads them with pack_files.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from chassis import errors
from claims.domain.rules import linting, packs, slips, tables, written
from claims.outbound import yaml_files

HEAD = "pack.yaml"
TABLES = "code-sets"
DEPTH = 3  # of the fields of a rule that have a place of their own: codes.x12.status is the deepest


def folders(directory: Path) -> list[Path]:
    """Return the pack folders of a directory: itself if it is one, else those in it; NotFound for none."""
    if (directory / HEAD).is_file():
        return [directory]
    found = sorted(head.parent for head in directory.glob(f"*/{HEAD}"))
    if not found and not (directory / TABLES).is_dir():
        raise errors.NotFound(
            "pack.absent", f"There is no {HEAD} in {directory} nor in a folder of it; name a folder of packs."
        )
    return found


def read(directory: Path, known: tables.Tables) -> list[linting.Source]:
    """Return the packs of a directory, sound or not."""
    return [_source(folder, known) for folder in folders(directory)]


def _source(folder: Path, known: tables.Tables) -> linting.Source:
    remarks: list[written.Remark] = []
    report = packs.Report()
    head = _content(folder / HEAD, remarks)
    files: list[tuple[str, object]] = []
    entries: list[written.Entry] = []
    for file in sorted(folder.glob("rules/*.yaml")):
        content = _content(file, remarks)
        if content is not None:
            files.append((_name(file, folder), content.value))
            entries += _entries(folder, _name(file, folder), content.node)
            remarks += _doubles(_name(file, folder), content.node)
    name = _name(folder / HEAD, folder)
    title, rules = packs.read(report, (name, head.value if head is not None else None), files, known)
    problems = report.problems if head is not None else tuple(p for p in report.problems if p.path != name)
    return linting.Source(
        folder=folder.name, head=title, rules=tuple(rules), entries=tuple(entries), problems=problems,
        remarks=tuple(remarks),
    )  # fmt: skip


class _Content:
    """A YAML file: its nodes, which know their places, and its plain value."""

    def __init__(self, node: yaml.Node | None, value: object) -> None:
        self.node, self.value = node, value


def _content(file: Path, remarks: list[written.Remark]) -> _Content | None:
    name = _name(file, file.parent if file.name == HEAD else file.parents[1])
    try:
        text = yaml_files.content(file, yaml_files.MAX_TEXT_BYTES)
        return _Content(yaml.compose(text, Loader=yaml.CSafeLoader), yaml.load(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        at = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        line = text.decode("utf-8", "replace").splitlines()[at[0] - 1 : at[0]]
        slip = slips.of_yaml(cause.problem or "", line[0] if line else "")
        remarks.append(_broken(name, slip.message, slip.remedy, at, line))
    except (errors.Invalid, yaml.YAMLError, RecursionError, ValueError):
        remarks.append(
            _broken(name, "The file cannot be read as YAML.", "Write it as UTF-8 text, smaller than 4 MB.")
        )
    return None


def _broken(
    name: str, message: str, remedy: str, at: tuple[int, int] = (1, 1), excerpt: Sequence[str] = ()
) -> written.Remark:
    return written.Remark(
        level="error", code="file.invalid", file=name, line=at[0], column=at[1], message=message,
        remedy=remedy, excerpt=excerpt[0] if excerpt else "", caret=at[1] if excerpt else 0,
    )  # fmt: skip


def _entries(folder: Path, name: str, node: yaml.Node | None) -> Iterator[written.Entry]:
    if not isinstance(node, yaml.SequenceNode):
        return
    for member in node.value:
        if isinstance(member, yaml.MappingNode):
            fields = dict(_fields(member, ""))
            rule = fields["id"].text if "id" in fields else "a rule without id"
            line = member.start_mark.line + 1
            yield written.Entry(pack=folder.name, file=name, rule=rule, line=line, fields=fields)


def _fields(node: yaml.MappingNode, above: str, depth: int = 0) -> Iterator[tuple[str, written.Place]]:
    for key, value in node.value:
        name = f"{above}{key.value}"
        mark = value.start_mark
        text = str(value.value) if isinstance(value, yaml.ScalarNode) else ""
        yield name, written.Place(mark.line + 1, mark.column + 1, text)
        if isinstance(value, yaml.MappingNode) and key.value != "examples" and depth < DEPTH:
            yield from _fields(value, f"{name}.", depth + 1)


def _doubles(name: str, node: yaml.Node | None) -> Iterator[written.Remark]:
    """Tell fields given twice in one mapping: YAML keeps the last and says nothing."""
    waiting = [node] if node is not None else []
    met: set[int] = set()  # an alias leads to a node again, perhaps to one it stands in
    while waiting:
        current = waiting.pop()
        if id(current) in met:
            continue
        met.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            waiting += current.value
        if isinstance(current, yaml.MappingNode):
            seen: Mapping[str, yaml.Node] = {}
            for key, value in current.value:
                waiting.append(value)
                if key.value in seen:
                    at = (key.start_mark.line + 1, key.start_mark.column + 1)
                    yield _broken(name, f"`{key.value}` is given twice here.", "Keep one of them.", at)
                seen = {**seen, key.value: key}


def _name(file: Path, folder: Path) -> str:
    return f"{folder.name}/{file.relative_to(folder)}"
