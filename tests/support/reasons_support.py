"""Helpers for tests of reasons: the committed book, and a small one that a test may break."""

import copy
import functools
import textwrap
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from claims.domain import reason_documents, reasons
from claims.outbound import reason_files

ROOT = Path(__file__).parents[2]
ON = date(2026, 11, 27)  # the day of the committed book
HEAD: dict[str, Any] = {
    "title": {"en": "List", "ar": "قائمة"}, "source": "tests", "licence": "Apache-2.0", "revision": ON,
}  # fmt: skip
_SMALL = textwrap.dedent("""
    nphies:
    - {code: A-1, en: One, ar: واحد, uses: [claim]}
    - {code: A-2, en: Two, ar: اثنان, no_direct: {en: None fits, ar: لا يوجد}}
    error:
    - {code: [E-1, E-2], en: Error, ar: خطأ}
    carc:
    - {code: "16", en: Missing, ar: ناقص, group: CO, needs_remark: true}
    - {code: "18", en: Twice, ar: مكرر, group: OA, groups: [OA, CO]}
    - {code: "125", en: Old, ar: قديم, group: CO, to: 2013-11-01, replaced_by: ["16"]}
    rarc:
    - {code: M1, en: Remark, ar: ملاحظة}
    group:
    - {code: CO, en: Contract, ar: عقد}
    - {code: OA, en: Other, ar: أخرى}
    category:
    - {code: A6, en: Missing, ar: ناقص}
    status:
    - {code: "21", en: Information, ar: معلومات}
    - {code: "54", en: Duplicate, ar: مكرر}
""")
_WALK = textwrap.dedent("""
    links:
    - {nphies: A-1, carc: "16", rarc: M1, prefer: 1}
    - {nphies: A-1, carc: "18", prefer: 2}
    names:
    - {carc: "16", issue: invalid, status: "21"}
    - {carc: "18", issue: duplicate, status: "54", category: A6}
    - {rarc: M1, status: "54"}
""")


def small() -> dict[str, Any]:
    """The documents of a small sound book by the name of their list, fresh each time."""
    found = {name: {"list": name, **HEAD, "codes": codes} for name, codes in yaml.safe_load(_SMALL).items()}
    walk = {"list": "crosswalk", "official": False, **HEAD, **yaml.safe_load(_WALK)}
    return copy.deepcopy({**found, "crosswalk": walk})


def read(documents: dict[str, Any]) -> reasons.Book:
    """The book of documents, each in a file of its list's name."""
    return reason_documents.read([(f"{name}.yaml", document) for name, document in documents.items()])


@functools.cache
def committed() -> reasons.Book:
    """The book of the repository."""
    return reason_files.load(ROOT / "packs")
