"""Budgets, vocabulary and manners hold in the house, and each check sees a planted breach."""

import re
import subprocess
from pathlib import Path

import pytest

import house

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for path in ROOT.glob("services/*/src"))
SERVICES = ("gateway", "claims", "scoring", "storage", "payersim", "cli")
OURS = [
    path for folder in ("services", "tests", "bench", "packs") for path in house.python_files(ROOT / folder)
]
PRODUCT = [path for source in SOURCES for path in house.python_files(source)]


def _plant(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "planted.py"
    path.write_text(text)
    return path


def test_no_python_file_is_longer_than_its_budget() -> None:
    """Nobody has to scroll through more than four hundred lines."""
    assert house.long_files(OURS) == []


def test_a_long_file_is_seen(tmp_path: Path) -> None:
    """The file budget fails on a file one line too long."""
    assert house.long_files([_plant(tmp_path, "x = 1\n" * (house.FILE_LINES + 1))])


def test_functions_stay_within_their_budget() -> None:
    """Functions fit on a screen, and most of them on half of one."""
    assert house.long_functions(PRODUCT) == []


def test_a_long_function_is_seen(tmp_path: Path) -> None:
    """The function budget fails on a function one line too long, docstring not counted."""
    body = '    """Says."""\n' + "    x = 1\n" * (house.FUNCTION_LINES + 1)
    assert house.long_functions([_plant(tmp_path, f"def long():\n{body}")])


def test_the_plumbing_speaks_no_business_word() -> None:
    """Chassis would serve any other product as well."""
    assert house.business_words(house.python_files(ROOT / "services/chassis/src")) == []


def test_the_plumbing_stays_within_its_budget() -> None:
    """Plumbing that grows without bound becomes a framework (docs/decisions/0014)."""
    lines = sum(
        len(path.read_text().splitlines()) for path in house.python_files(ROOT / "services/chassis/src")
    )
    assert lines <= 6_100


def test_a_business_word_in_the_plumbing_is_seen(tmp_path: Path) -> None:
    """The vocabulary check fails on a single word in a comment."""
    assert house.business_words([_plant(tmp_path, "x = 1  # per claim\n")])


def test_nothing_in_the_product_reads_as_unfinished() -> None:
    """What is not built does not exist; nothing says that it will be."""
    assert house.matching(PRODUCT, house.UNFINISHED) == []


def test_an_unfinished_line_is_seen(tmp_path: Path) -> None:
    """The check fails on a planted marker."""
    assert house.matching([_plant(tmp_path, "raise " + "NotImplemented" + "Error\n")], house.UNFINISHED)


def test_no_path_of_one_machine_is_in_the_project() -> None:
    """The repository means the same on every machine."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    paths = [
        ROOT / name for name in tracked.split("\0") if name and not name.endswith((".lock", ".xz", ".zst"))
    ]
    texts = [path for path in paths if path.is_file() and path.suffix not in {".onnx", ".npz"}]
    assert house.matching(texts, house.MACHINE_PATH) == []


def test_a_machine_path_is_seen(tmp_path: Path) -> None:
    """The check fails on a planted path."""
    assert house.matching([_plant(tmp_path, 'x = "' + "/ro" + 'ot/x"\n')], house.MACHINE_PATH)


def test_unit_tests_patch_nothing_of_ours() -> None:
    """A fake stands behind a port instead."""
    assert house.matching(house.python_files(ROOT / "tests/unit"), house.PATCHES) == []


def test_a_patch_is_seen(tmp_path: Path) -> None:
    """The check fails on a planted patch."""
    assert house.matching([_plant(tmp_path, "monkeypatch" + ".setattr(x, 'y', 1)\n")], house.PATCHES)


@pytest.mark.parametrize("service", SERVICES)
def test_stubs_are_imported_in_doorways_only(service: str) -> None:
    """A claim changes clothes in inbound and outbound, nowhere else."""
    packages = [
        p for p in (ROOT / "services" / service / "src").iterdir() if p.is_dir() and p.name != "training"
    ]
    assert [breach for package in packages for breach in house.stray_stubs(package)] == []


def test_a_stub_in_a_use_case_is_seen(tmp_path: Path) -> None:
    """The doorway check fails on a planted import."""
    _plant(tmp_path / "usecases", "from ultrathink.claims.v1 import claims_pb2\n")
    _plant(tmp_path / "inbound", "from ultrathink.claims.v1 import claims_pb2\n")
    assert len(house.stray_stubs(tmp_path)) == 1


def test_modules_are_imported_not_names() -> None:
    """A line says which room it visits."""
    known = house.module_names(SOURCES)
    assert [breach for path in PRODUCT for breach in house.imported_names(path, known)] == []


def test_an_imported_name_is_seen(tmp_path: Path) -> None:
    """The check fails on a class taken out of its module, and not on the module itself."""
    path = _plant(tmp_path, "from chassis.errors import Fault\nfrom chassis import errors\n")
    assert len(house.imported_names(path, frozenset({"chassis.errors"}))) == 1


def test_every_test_says_what_holds() -> None:
    """Tests read as sentences about behaviour."""
    assert house.silent_tests(house.python_files(ROOT / "tests")) == []


def test_a_silent_test_is_seen(tmp_path: Path) -> None:
    """The check fails on a test without a sentence."""
    assert house.silent_tests([_plant(tmp_path, "def test_x():\n    assert True\n")])


def test_there_is_as_much_test_as_product() -> None:
    """Tests are at least as long as what they test."""
    product = sum(len(path.read_text().splitlines()) for path in PRODUCT)
    tests = sum(len(path.read_text().splitlines()) for path in house.python_files(ROOT / "tests"))
    assert tests >= product


def test_mains_are_short_enough_to_read_aloud() -> None:
    """A service's start fits on half a page."""
    mains = [path for path in PRODUCT if path.name == "__main__.py" and "cli" not in path.parts]
    assert [str(path) for path in mains if len(path.read_text().splitlines()) > 30] == []


def test_ruff_exclusions_state_their_reason() -> None:
    """No rule is switched off in silence."""
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pydocstyle]")]
    codes = [line for line in section.splitlines() if re.match(r'\s*(".*" = \[)?"?[A-Z]+\d+', line.strip())]
    assert codes
    assert [line for line in codes if "#" not in line] == []
