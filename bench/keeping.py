"""Raw rounds of every benchmark go one way: with the day, the machine and its load, into bench/results."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def keep(name: str, **content: Any) -> str:
    """Write what was measured under a name and this moment; return the path from the repository's root."""
    at = datetime.now(UTC)
    machine = {
        "cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(),
        "load": os.getloadavg(),
    }  # fmt: skip
    document = {"at": at.isoformat(), "machine": machine, **content}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}{'-' if name else ''}{at:%Y-%m-%dT%H%M%S}.json"
    # A line per part: what is sampled for minutes would fill tens of thousands of them.
    parts = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")
    return f"bench/results/{path.name}"
