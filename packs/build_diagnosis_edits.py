# noqa: INP001 - a script beside the data it writes, not a package
r"""Derive from the ICD-10-CM tabular list whom a diagnosis can concern, where it says so in words.

    cd packs
    python build_diagnosis_edits.py icd10c-tabular-April-1-2026.xml.xz \
        code-sets/icd-10-cm-2026-04/codes.csv.xz code-sets/diagnosis-edits-2026-04/rows.csv.xz

Nothing is inferred from medical knowledge. Sex: a title of the code, of its category or of its block names
one sex. Maternity, newborn, age: a note says so, at the places of NOTES; the script fails where a note is no
longer there. Manifestation: the title ends in "classified elsewhere" and a note asks for the cause first; the
list's introduction forbids such a code in the first place. `basis` names the place and the kind of text, not
the text.
"""

import argparse
import csv
import dataclasses
import io
import lzma
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_COLUMNS = ("code", "sex", "age_from", "age_to", "maternity", "newborn", "manifestation", "basis")
_SEX = re.compile(r"\b(male|female)\b", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\bin\b.*\bclassified elsewhere\b", re.IGNORECASE)
# Causes from outside speak of other people's sex; of these three categories the sex itself is the diagnosis.
_NOT_OF_THE_PATIENT = re.compile(r"[V-Y]|Q56|Q97|Q98")
_LEVELS = ("chapter", "section", "diag")
_NOTES = ("notes", "inclusionTerm")


@dataclasses.dataclass(slots=True)
class Facts:
    """What is said of a code and inherited by those below it."""

    sex: str = ""
    age_from: str = ""
    age_to: str = ""
    maternity: int = 0
    newborn: int = 0
    manifestation: int = 0
    basis: tuple[str, ...] = ()

    def said(self) -> bool:
        """Tell whether anything is said."""
        return bool(self.basis)


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """A note that says something: where it stands, words it must hold, the codes it is about, the facts."""

    place: str
    words: str
    codes: tuple[str, ...]
    facts: Mapping[str, str | int]


_MOTHER: Mapping[str, str | int] = {"sex": "female", "maternity": 1}
_BABY: Mapping[str, str | int] = {"newborn": 1, "age_from": "0", "age_to": "0"}
NOTES = (
    Note("chapter 15", "only on maternal records", ("O",), _MOTHER),
    Note("chapter 16", "newborn records only", ("P",), {"newborn": 1}),
    Note("Z3A", "only on the maternal record", ("Z3A",), _MOTHER),
    Note("Z37", "on the mother's record", ("Z37",), _MOTHER),
    Note("Z38", "initial record of a newborn", ("Z38",), _BABY),
    Note("Z05", "newborns, within the neonatal period", ("Z05",), _BABY),
    Note("Z00.11", "child under 29 days", ("Z0011",), _BABY),
    Note("Z68", "20 years of age or older", ("Z681", "Z682", "Z683", "Z684"), {"age_from": "20"}),
    Note("Z68", "2-19 years of age", ("Z685",), {"age_from": "2", "age_to": "19"}),
    # Both speak of the age at delivery, which is at most a year after the service.
    Note("O09.5", "35 years and older", ("O095",), {"age_from": "34"}),
    Note("O09.6", "less than 16 years", ("O096",), {"age_to": "15"}),
)


def diagnosis_edits(tabular: str, codes: Sequence[str]) -> str:
    """Return the table's lines for those codes of the list of which the tabular list says something."""
    root = ET.fromstring(tabular)  # noqa: S314 - the issuer's file, read once by whoever builds the table
    _refuse_missing_notes(root)
    said = dict(_walk(root, Facts(), first=False))
    longest = max(map(len, said), default=0)
    written = io.StringIO(newline="")
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for code in sorted(codes):
        prefixes = (code[:length] for length in range(min(len(code), longest), 0, -1))
        found = next((said[prefix] for prefix in prefixes if prefix in said), Facts())
        facts = _noted(code, found)
        if facts.said():
            shown = dataclasses.asdict(facts) | {"basis": "; ".join(facts.basis)}
            lines.writerow([code, *(shown[name] for name in _COLUMNS[1:])])
    return written.getvalue()


def _walk(element: ET.Element, above: Facts, *, first: bool) -> Iterator[tuple[str, Facts]]:
    """Yield each diagnosis without dots and its facts; `first`: a note above asks for the cause first."""
    facts = above
    if element.tag in {"section", "diag"}:
        title, place = element.findtext("desc", ""), _place(element)
        first = first or (element.tag == "diag" and element.find("codeFirst") is not None)
        facts = _of_title(title, place, above, first=first)
        if element.tag == "diag":
            yield place.replace(".", ""), facts
    for child in element:
        if child.tag in _LEVELS:
            yield from _walk(child, facts, first=first)


def _of_title(title: str, place: str, above: Facts, *, first: bool) -> Facts:
    changes: dict[str, str | int | tuple[str, ...]] = {}
    basis = above.basis
    sexes = {word.lower() for word in _SEX.findall(title)}
    if len(sexes) == 1 and not above.sex and not _NOT_OF_THE_PATIENT.match(place):
        changes["sex"] = sexes.pop()
        basis = (*basis, f"{place} title: sex")
    if first and not above.manifestation and _ELSEWHERE.search(title):
        changes["manifestation"] = 1
        basis = (*basis, f"{place} title: manifestation")
    return dataclasses.replace(above, **changes, basis=basis)  # type: ignore[arg-type]


def _noted(code: str, found: Facts) -> Facts:
    for note in NOTES:
        if code.startswith(note.codes):
            basis = (*found.basis, f"{note.place} note: {', '.join(_words(note.facts))}")
            found = dataclasses.replace(found, **note.facts, basis=basis)  # type: ignore[arg-type]
    return found


def _words(facts: Mapping[str, str | int]) -> list[str]:
    return list(dict.fromkeys(name.partition("_")[0] for name in facts))


def _refuse_missing_notes(root: ET.Element) -> None:
    texts = {
        _place(element): " ".join(
            note.text or "" for kind in _NOTES for group in element.findall(kind) for note in group
        ).lower()
        for element in root.iter()
        if element.tag in _LEVELS
    }
    missing = [f"{note.place}: {note.words}" for note in NOTES if note.words not in texts.get(note.place, "")]
    if missing:
        raise SystemExit(f"the tabular list no longer has these notes: {missing}")


def _place(element: ET.Element) -> str:
    name = element.findtext("name") or element.get("id") or ""
    return f"chapter {name}" if element.tag == "chapter" else name


def main(arguments: Sequence[str] | None = None) -> None:
    """Read tabular list and codes, write the table; without arguments those of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tabular", type=Path, help="the tabular list, XML, .xz")
    parser.add_argument("codes", type=Path, help="the committed list of codes, .csv.xz")
    parser.add_argument("target", type=Path, help="the table's data file, .csv.xz")
    chosen = parser.parse_args(arguments)
    read: Callable[[Path], str] = lambda path: lzma.decompress(path.read_bytes()).decode("utf-8")  # noqa: E731
    codes = [row[0] for row in list(csv.reader(io.StringIO(read(chosen.codes))))[1:]]
    table = diagnosis_edits(read(chosen.tabular), codes).encode("ascii")
    chosen.target.parent.mkdir(parents=True, exist_ok=True)
    chosen.target.write_bytes(lzma.compress(table, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
