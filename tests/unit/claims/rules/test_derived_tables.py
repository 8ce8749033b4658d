"""Tables of ours: what is derived from public lists says only what they say, and each row names its place."""

import csv
import datetime as dt
import importlib.util
import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rules_support as support
from claims.domain.rules import tables

ROOT = Path(__file__).parents[4]
BESIDE = ROOT.parent / "shared/data"
NOTES = """
<chapter><name>15</name><notes><note>for use ONLY ON MATERNAL RECORDS</note></notes>
  <section id="O00-O9A"><desc>Pregnancy</desc>
    <diag><name>O09</name><desc>Supervision</desc>
      <diag><name>O09.5</name><desc>Elderly</desc>
        <inclusionTerm><note>a female 35 years and older at delivery</note></inclusionTerm></diag>
      <diag><name>O09.6</name><desc>Young</desc>
        <inclusionTerm><note>a female less than 16 years old</note></inclusionTerm></diag></diag></section>
</chapter>
<chapter><name>16</name><notes><note>on newborn records only</note></notes></chapter>
<chapter><name>21</name><section id="Z00-Z99"><desc>Factors</desc>
  <diag><name>Z00.11</name><desc>x</desc>
    <inclusionTerm><note>child under 29 days old</note></inclusionTerm></diag>
  <diag><name>Z05</name><desc>x</desc>
    <inclusionTerm><note>newborns, within the neonatal period</note></inclusionTerm></diag>
  <diag><name>Z37</name><desc>x</desc>
    <inclusionTerm><note>on the mother's record</note></inclusionTerm></diag>
  <diag><name>Z38</name><desc>x</desc>
    <inclusionTerm><note>initial record of a newborn</note></inclusionTerm></diag>
  <diag><name>Z3A</name><desc>x</desc><notes><note>only on the maternal record</note></notes></diag>
  <diag><name>Z68</name><desc>x</desc>
    <notes><note>20 years of age or older</note><note>2-19 years of age</note></notes>
  </diag></section></chapter>
"""


def builder(name: str = "build_diagnosis_edits") -> Any:
    """The script that builds a table."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"packs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def derived(more: str, *codes: str) -> dict[str, dict[str, str]]:
    """The rows of a small tabular list with the notes that the script looks for."""
    text = builder().diagnosis_edits(f"<list>{NOTES}{more}</list>", codes)
    rows = csv.DictReader(io.StringIO(text))
    return {
        row.pop("code"): {name: value for name, value in row.items() if value not in {"", "0"}}
        for row in rows
    }


def diag(name: str, title: str, inside: str = "") -> str:
    """One diagnosis of a tabular list."""
    return f"<diag><name>{name}</name><desc>{title}</desc>{inside}</diag>"


def section(title: str, *inside: str, place: str = "N40-N53") -> str:
    """One block of a tabular list."""
    return f'<section id="{place}"><desc>{title}</desc>{"".join(inside)}</section>'


def test_a_sex_in_a_title_is_inherited():
    """A block or category of one sex is said of all its codes, with the seventh character too."""
    found = derived(
        section("Diseases of male organs", diag("N40", "Enlarged", diag("N40.0", "Without symptoms")))
        + section("Breast", diag("C50", "Breast", diag("C50.01", "Nipple, female")), place="C50-C50"),
        "N400", "N400XXA", "C50011", "C50", "B99",
    )  # fmt: skip
    assert found == {
        "N400": {"sex": "male", "basis": "N40-N53 title: sex"},
        "N400XXA": {"sex": "male", "basis": "N40-N53 title: sex"},
        "C50011": {"sex": "female", "basis": "C50.01 title: sex"},
    }


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("N39.3", "Stress incontinence (female) (male)"),
        ("Z31.81", "Encounter for male factor infertility in female patient"),
        ("Y07.03", "Male partner, perpetrator of maltreatment and neglect"),
        ("Q97", "Other sex chromosome abnormalities, female phenotype"),
        ("W89", "Exposure to man-made visible light"),
        ("C61", "Malignant neoplasm of prostate"),
    ],
)
def test_what_a_title_does_not_say_of_the_patient_is_not_derived(name: str, title: str):
    """Both sexes, somebody else's sex, a sex that is the diagnosis, and what one has to know: no row."""
    assert derived(section("Block", diag(name, title)), name.replace(".", "")) == {}


def test_notes_say_maternity_newborn_and_age():
    """Whose record a code is for, and the ages in words of the list."""
    found = derived(
        "", "O0951", "O096", "O10", "P072", "Z3800", "Z3A12", "Z37", "Z00110", "Z6825", "Z6851", "Z00"
    )
    mother = {"sex": "female", "maternity": "1"}
    assert found["O10"] == {**mother, "basis": "chapter 15 note: sex, maternity"}
    assert found["O0951"] == {
        **mother, "age_from": "34", "basis": "chapter 15 note: sex, maternity; O09.5 note: age",
    }  # fmt: skip
    assert found["O096"]["age_to"] == "15"
    assert found["P072"] == {"newborn": "1", "basis": "chapter 16 note: newborn"}
    assert found["Z37"]["sex"] == found["Z3A12"]["sex"] == "female"
    assert found["Z6825"] == {"age_from": "20", "basis": "Z68 note: age"}
    assert found["Z6851"] == {"age_from": "2", "age_to": "19", "basis": "Z68 note: age"}
    assert "Z00" not in found


def test_a_manifestation_needs_title_and_note():
    """The cause comes first where title and note both say so; a note alone may speak of some cases only."""
    first = "<codeFirst><note>underlying disease</note></codeFirst>"
    found = derived(
        section(
            "Block",
            diag("F02", "Dementia in diseases classified elsewhere", first + diag("F02.8", "Unspecified")),
            diag("I50", "Heart failure", first),
            diag("G99", "Other disorders in diseases classified elsewhere"),
            diag("R99", "Ill-defined, not elsewhere classified", first),
        ),
        "F02", "F0280", "I50", "G99", "R99",
    )  # fmt: skip
    assert set(found) == {"F02", "F0280"}
    assert found["F0280"] == {"manifestation": "1", "basis": "F02 title: manifestation"}


def test_a_list_without_the_notes_is_refused():
    """A new edition that says something else is not read as if it said the same."""
    with pytest.raises(SystemExit, match="chapter 16: newborn records only"):
        builder().diagnosis_edits(f"<list>{NOTES.replace('newborn records only', 'x')}</list>", ["P07"])


def test_the_committed_edits_are_what_the_lists_say():
    """Built again from the issuer's file they are the same bytes."""
    source = BESIDE / "codes/icd10cm-2026-04/icd10c-tabular-April-1-2026.xml.xz"
    if not source.exists():
        pytest.skip("the tabular list is not beside the project")
    codes = _packed("icd-10-cm-2026-04/codes.csv.xz").splitlines()[1:]
    tabular = lzma.decompress(source.read_bytes()).decode()
    built = builder().diagnosis_edits(tabular, [line.partition(",")[0] for line in codes])
    assert built == _packed("diagnosis-edits-2026-04/rows.csv.xz")


def test_the_committed_limits_are_what_the_list_says():
    """Built again from the issuer's file they are the same lines."""
    source = BESIDE / "ncci/ncci_mue.json.xz"
    if not source.exists():
        pytest.skip("the list is not beside the project")
    built = builder("build_code_sets").mue(lzma.decompress(source.read_bytes()).decode())
    assert built == _packed("mue-undated/rows.csv.xz")


def test_limits_are_of_codes_that_may_be_shipped():
    """Level I codes are CPT and D codes CDT; neither is in the table."""
    text = '{"99213": {"limit": 1}, "D0120": {"limit": 1}, "0001A": {"limit": 1}, "A0425": {"limit": 250}}'
    assert builder("build_code_sets").mue(text) == "code,units\nA0425,250\n"


def _packed(name: str) -> str:
    return lzma.decompress((ROOT / "packs/code-sets" / name).read_bytes()).decode()


def _reader(name: str, column: str, day: str) -> Callable[[str], object]:
    found = support.committed()[1].find(name)
    assert found is not None
    read, number = found.reader(column), dt.date.fromisoformat(day).toordinal() - tables.EPOCH
    return lambda key: read(key, number)


@pytest.mark.parametrize(
    ("table", "column", "key", "value"),
    [
        ("diagnosis-edits", "sex", "O80", "female"),
        ("diagnosis-edits", "maternity", "O80", True),
        ("diagnosis-edits", "sex", "N40.0", "male"),
        ("diagnosis-edits", "newborn", "P07.14", True),
        ("diagnosis-edits", "manifestation", "F02.80", True),
        ("diagnosis-edits", "sex", "E11.9", None),
        ("diagnosis-edits", "maternity", "N40.0", False),
        ("mue", "units", "A0425", 250),
        ("place-of-service", "facility", "21", True),
        ("place-of-service", "facility", "11", False),
        ("place-of-service", "facility", "05", None),
        ("fdi", "deciduous", "48", False),
        ("fdi", "deciduous", "85", True),
        ("fdi", "deciduous", "86", None),
        ("frequency", "days", "hcpcs|G0121", 3621),
        ("filing-limits", "days", "regime:nphies", 45),
        ("filing-limits", "resubmission_days", "regime:nphies", None),
        ("filing-limits", "days", "*", None),
        ("documents", "documents", "reason:SE-1-6", "investigation-result"),
    ],
)
def test_a_committed_table_answers(table: str, column: str, key: str, value: object):
    """One known fact of each table, on a day it is valid."""
    assert _reader(table, column, "2026-08-01")(key) == value


def test_every_row_of_the_edits_names_its_place():
    """A biller who asks why can look the place up in the list."""
    found = support.committed()[1].find("diagnosis-edits")
    assert found is not None
    at = list(found.fields).index("basis")
    rows = list(found.periods[0].rows.values())
    assert len(rows) > 5_000
    assert all("title" in str(row[at]) or "note" in str(row[at]) for row in rows)
    sexes = {row[list(found.fields).index("sex")] for row in rows}
    assert sexes == {None, "male", "female"}
