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
    path.write_text(json.dumps(document, indent=1) + "\n")
    return f"bench/results/{path.name}"
