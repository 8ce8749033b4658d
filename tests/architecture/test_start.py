"""Processes load what they serve with and no more: every module costs each start."""

import subprocess
import sys

import pytest

# Terminal colours, the kit of traces (for those who look at them), the migration tool, training.
NOWHERE = {
    *("rich", "pygments", "structlog", "psutil", "typer", "opentelemetry.sdk", "alembic"),
    *("sklearn", "xgboost", "lightgbm", "pandas", "pyarrow", "duckdb", "scipy"),
}
WEB = {"fastapi", "starlette", "uvicorn"}
MODELS = {"numpy", "onnxruntime"}
SQL = {"sqlalchemy", "asyncpg"}
RULES = {"sqlglot", "yaml"}
HEAVY = {
    "gateway.__main__": NOWHERE | MODELS | SQL | RULES,
    "claims.__main__": NOWHERE | WEB | SQL | {"onnxruntime"},
    "scoring.__main__": NOWHERE | WEB | SQL | RULES,
    "storage.__main__": NOWHERE | WEB | MODELS | RULES,
    # The command that starts them: they wait for it.
    "ultrathink_cli.inbound.up": (NOWHERE - {"typer"}) | WEB | MODELS | SQL | RULES | {"pydantic", "httpx2"},
    # A file's sender waits for its start too.
    "ultrathink_cli.inbound.submit": (NOWHERE - {"typer"})
    | WEB
    | MODELS
    | SQL
    | RULES
    | {"pydantic", "grpc", "httpx2", "joserfc", "ultrathink_cli.compose"},
}


@pytest.mark.parametrize("module", HEAVY)
def test_a_process_starts_without_what_it_does_not_serve_with(module: str) -> None:
    """What costs much to load and is not needed to serve is not loaded at the start."""
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY[module].isdisjoint(done.stdout.split())
