# noqa: INP001 - a script beside the data it writes, not a package
"""Derive the committed code tables from the issuers' files: codes and one fact each, no descriptions.

    cd packs
    python build_code_sets.py icd-10-cm code-list-April-2026.txt.xz code-sets/icd-10-cm-2026-04/codes.csv.xz
    python build_code_sets.py hcpcs hcpcs2019_level2.csv code-sets/hcpcs-2019/codes.csv.xz
    python build_code_sets.py mue ncci_mue.json.xz code-sets/mue-undated/rows.csv.xz

Source, licence, revision and window stand in the table.yaml beside each data file.
"""

import argparse
import csv
import io
import json
import lzma
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_ICD_CODE = re.compile(r"[A-Z][0-9][0-9A-Z][0-9A-Z]{0,4}")
_ICD_CATEGORY_LENGTH = 3  # the shortest code: a category; longer ones extend it
_HCPCS_CODE = re.compile(r"[A-Z][0-9]{4}")


def icd_10_cm(text: str) -> str:
    """Return `code,billable` lines of an ICD-10-CM list: one code a line, without dots, headers among them.

    Only a code that no other code extends may be billed (ICD-10-CM Official Guidelines, section I.B.2: codes
    are used at their highest number of characters). Chapters and ranges of the list are left out.
    """
    codes = {word for word in text.split() if _ICD_CODE.fullmatch(word)}
    headers = {code[:length] for code in codes for length in range(_ICD_CATEGORY_LENGTH, len(code))}
    return _lines("code,billable", (f"{code},{int(code not in headers)}" for code in sorted(codes)))


def hcpcs(text: str) -> str:
    """Return `code` lines of a HCPCS level II file whose first column is the code."""
    rows = csv.reader(io.StringIO(text))
    return _lines("code", sorted({row[0] for row in rows if row and _HCPCS_CODE.fullmatch(row[0])}))


def mue(text: str) -> str:
    """Return `code,units` lines of HCPCS level II codes; CPT and CDT (D…) are not ours to ship."""
    found = {code: entry["limit"] for code, entry in json.loads(text).items()}
    codes = sorted(code for code in found if _HCPCS_CODE.fullmatch(code) and not code.startswith("D"))
    return _lines("code,units", (f"{code},{int(found[code])}" for code in codes))


BUILDERS: dict[str, Callable[[str], str]] = {"icd-10-cm": icd_10_cm, "hcpcs": hcpcs, "mue": mue}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the issuer's file, write the table; without arguments those of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=sorted(BUILDERS))
    parser.add_argument("source", type=Path, help="the issuer's file, plain or .xz")
    parser.add_argument("target", type=Path, help="the table's data file, .csv.xz")
    chosen = parser.parse_args(arguments)
    raw = chosen.source.read_bytes()
    text = (lzma.decompress(raw) if chosen.source.suffix == ".xz" else raw).decode("utf-8", "replace")
    table = BUILDERS[chosen.kind](text).encode("ascii")
    chosen.target.parent.mkdir(parents=True, exist_ok=True)
    chosen.target.write_bytes(lzma.compress(table, preset=9 | lzma.PRESET_EXTREME))


def _lines(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, *rows]) + "\n"


if __name__ == "__main__":
    main()
