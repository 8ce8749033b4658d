"""The manners of the house as checks over source trees; each returns what breaks it, one line per breach."""

import ast
import re
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 50
FUNCTION_P95 = 35
FIRST_PARTY = frozenset(
    {
        "chassis",
        "formats",
        "gateway",
        "claims",
        "scoring",
        "training",
        "storage",
        "payersim",
        "ultrathink_cli",
    }
)
# Words of the business, which plumbing must not know.
BUSINESS = re.compile(
    r"\b(claims?|payers?|patients?|diagnos[ie]s|denials?|verdicts?|insurance|remittance|nphies|fhir|hl7|x12|icd|hcpcs)\b",
    re.IGNORECASE,
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError|placeholder|dummy)\b")
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root)/")
PATCHES = re.compile(r"monkeypatch\.setattr|mock\.patch|@patch\b")


def python_files(root: Path) -> list[Path]:
    """Return the Python files below `root`, generated code and environments left out."""
    skipped = {"gen", ".venv", "node_modules", "__pycache__", ".uv"}
    return sorted(path for path in root.rglob("*.py") if not skipped.intersection(path.parts))


def long_files(paths: Iterable[Path]) -> list[str]:
    """Files longer than the budget."""
    counted = ((path, len(path.read_text().splitlines())) for path in paths)
    return [f"{path}: {lines} lines, at most {FILE_LINES}" for path, lines in counted if lines > FILE_LINES]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (name, lines) of each function of a file, docstring and decorators not counted."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield f"{path}:{node.lineno} {node.name}", (node.end_lineno or 0) - body[0].lineno + 1


def long_functions(paths: Iterable[Path]) -> list[str]:
    """Functions longer than the budget, and the 95th percentile over all of them."""
    sizes = [item for path in paths for item in functions(path)]
    breaches = [
        f"{name}: {lines} lines, at most {FUNCTION_LINES}" for name, lines in sizes if lines > FUNCTION_LINES
    ]
    if len(sizes) > 1:
        p95 = statistics.quantiles([lines for _, lines in sizes], n=20)[-1]
        if p95 > FUNCTION_P95:
            breaches.append(f"95th percentile of function lengths is {p95:.0f}, at most {FUNCTION_P95}")
    return breaches


# RFC 7519 calls the content of a token its claims; only the files that read tokens may use the word.
TOKEN_FILES = frozenset({"jose.py", "tokens.py", "oidc.py", "identity.py"})


def business_words(paths: Iterable[Path]) -> list[str]:
    """Lines of plumbing that name the business."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BUSINESS.search(re.sub(r"\bclaims\b", "", line) if path.name in TOKEN_FILES else line)
    ]


def matching(paths: Iterable[Path], pattern: re.Pattern[str]) -> list[str]:
    """Lines that match a pattern that must not occur."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def stray_stubs(source: Path) -> list[str]:
    """Imports of generated stubs outside inbound and outbound, below a service's package folder.

    compose may name them too: it hands servicers to the server and stubs to outbound, and converts nothing.
    """
    return [
        f"{path}: {name}"
        for path in python_files(source)
        if not {"inbound", "outbound", "compose.py"}.intersection(path.relative_to(source).parts)
        for name in _imported(path)
        if name.startswith("ultrathink.")
    ]


def imported_names(path: Path, is_module: frozenset[str]) -> list[str]:
    """Imports that bring a name out of one of our modules instead of the module itself."""
    return [
        f"{path}:{node.lineno}: from {node.module} import {alias.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in FIRST_PARTY
        for alias in node.names
        if f"{node.module}.{alias.name}" not in is_module
    ]


def module_names(sources: Iterable[Path]) -> frozenset[str]:
    """Return dotted names of all modules and packages below source folders."""
    names: set[str] = set()
    for source in sources:
        for path in python_files(source):
            parts = path.relative_to(source).with_suffix("").parts
            names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return frozenset(names)


def silent_tests(paths: Iterable[Path]) -> list[str]:
    """Tests that do not say in a sentence what holds."""
    return [
        f"{path}:{node.lineno} {node.name}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield f"{node.module}.{node.names[0].name}"
