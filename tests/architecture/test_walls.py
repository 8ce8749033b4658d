"""The walls of .importlinter stand, and each of them falls when a crossing is planted."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# wall -> (file to write, its crossing)
CROSSINGS = {
    "services never import each other": ("storage/usecases/planted.py", "import scoring.domain"),
    "chassis knows no room and no contract but common": (
        "chassis/planted.py",
        "import ultrathink.claims.v1.claims_pb2",
    ),
    "formats imports contracts and chassis.errors only": ("formats/planted.py", "import chassis.server"),
    "of the services only claims reads the claim model": (
        "gateway/usecases/planted.py",
        "import formats.model",
    ),
    "serving never imports training or training libraries": ("scoring/usecases/planted.py", "import sklearn"),
    "domain knows no transport, no driver, no telemetry": ("claims/domain/planted.py", "import grpc"),
    "rooms of gateway": ("gateway/usecases/planted_up.py", "import gateway.inbound"),
    "rooms of claims": ("claims/domain/planted_up.py", "import claims.usecases"),
    "rooms of scoring": ("scoring/usecases/planted_up.py", "import scoring.compose"),
    "rooms of storage": ("storage/domain/planted_up.py", "import storage.settings"),
    "rooms of payersim": ("payersim/domain/planted_up.py", "import payersim.usecases"),
    "rooms of the command line": ("ultrathink_cli/usecases/planted_up.py", "import ultrathink_cli.inbound"),
    "of the command line only compose sees the services": (
        "ultrathink_cli/usecases/planted.py",
        "import storage",
    ),
}


def _verdicts(packages: Path | None) -> tuple[dict[str, str], str]:
    extra = {"PYTHONPATH": str(packages)} if packages else {}
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        str(ROOT / ".importlinter"),
    ]
    done = subprocess.run(
        command,
        cwd=packages or ROOT,
        env={**os.environ, **extra},
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE)), done.stdout + done.stderr


def test_the_walls_stand() -> None:
    """No arrow between the rooms runs the wrong way."""
    verdicts, output = _verdicts(None)
    assert verdicts, output
    assert [wall for wall, verdict in verdicts.items() if verdict != "KEPT"] == [], output


def test_every_wall_falls_to_a_planted_crossing(tmp_path: Path) -> None:
    """A wall that cannot fall would protect nothing: each is broken once on a copy of the house."""
    for source in ROOT.glob("services/*/src"):
        shutil.copytree(source, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "protos/gen", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, crossing in CROSSINGS.values():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{crossing}\n")
    verdicts, output = _verdicts(tmp_path)
    assert set(verdicts) == set(CROSSINGS), output
    assert [wall for wall, verdict in verdicts.items() if verdict != "BROKEN"] == [], output
