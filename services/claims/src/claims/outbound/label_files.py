"""Names of documents in both languages: `<directory>/labels/documents.yaml`, code → {en, ar}.

Room: outbound. Every document that a table names has a label, so that nobody is asked for a bare code.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from claims.domain import checklists, decisions
from claims.domain.rules import documents, packs, tables
from claims.outbound import yaml_files

FILE = "labels/documents.yaml"


def load(
    directory: Path, below: checklists.Labels, known: tables.Tables, label: str = ""
) -> checklists.Labels:
    """Return the labels under a directory, laid over those below; names of files begin with `label`.

    Raises Invalid `pack.invalid` where a label lacks a language, or a document of the tables has no label.
    """
    report, name = packs.Report(), label + FILE
    path = directory / FILE
    found: Mapping[str, documents.Bilingual] = {}
    if path.is_file():
        content = yaml_files.parsed(name, yaml_files.content(path, yaml_files.MAX_TEXT_BYTES))
        found = report.read(name, content, dict[documents.Word, documents.Bilingual]) or {}
    own = {code: decisions.Bilingual(**msgspec.structs.asdict(text)) for code, text in found.items()}
    whole = {**below, **own}
    for code in sorted(_named(known) - set(whole)):
        report.add(
            f"{name}: {code}", "label.absent", "A table names this document and no label does.",
            "Add it with `en` and `ar`.",
        )  # fmt: skip
    report.close()
    return whole


def _named(known: tables.Tables) -> set[str]:
    table = known.find(checklists.DOCUMENTS)
    if table is None:
        return set()
    at = list(table.fields).index("documents")
    return {
        code
        for period in table.periods
        for row in (*period.rows.values(), *(span.row for spans in period.spans.values() for span in spans))
        for code in checklists.named(str(row[at] or ""))
    }
