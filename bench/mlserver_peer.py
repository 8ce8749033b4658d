"""MLServer as the peer of scoring: installed by the benchmark into an environment of its own, then served.

Its environment lies in the user's cache folder, so that it is installed once; nothing of it reaches ours.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ultrathink_cli.outbound import loopback

ROOT = Path(__file__).parents[1]
PEER = Path(__file__).parent / "peers" / "mlserver"
METHOD = "/inference.GRPCInferenceService/ModelInfer"
BATCH, BATCH_SECONDS = 64, 0.005  # adaptive batching: the best of 0 to 64 and of 1 to 10 ms that we tried
INSTALL_SECONDS = 600
READY_SECONDS = 60.0


class NotInstalledError(Exception):
    """The peer cannot be measured here; the text says why."""


def install() -> Path:
    """Return the interpreter of the peer's environment, which is made when it is not there yet.

    Raises NotInstalledError when there is no uv, or the packages cannot be had.
    """
    wanted = (PEER / "requirements.txt").read_bytes()
    name = f"mlserver-{hashlib.sha256(wanted + sys.version.encode()).hexdigest()[:12]}"
    folder = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "ultrathink-bench" / name
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(PEER / "requirements.txt")],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", "") or str(error)).strip().splitlines() or [""]
            message = f"MLServer cannot be installed here: {said[-1]}"
            raise NotInstalledError(message) from error
    (folder / "complete").touch()
    return python


def encode(python: Path, matrices: Sequence[np.ndarray], folder: Path) -> list[bytes]:
    """Return one request per matrix, as MLServer's own stubs write it."""
    named: dict[str, Any] = {f"{at:06}": one for at, one in enumerate(matrices)}
    np.savez(folder / "matrices.npz", **named)
    _messages(python, "encode", folder / "matrices.npz", folder / "requests.bin")
    content, found = (folder / "requests.bin").read_bytes(), []
    while content:
        size = int.from_bytes(content[:4], "little")
        found.append(content[4 : 4 + size])
        content = content[4 + size :]
    return found


def decode(python: Path, answers: Sequence[bytes], folder: Path) -> list[np.ndarray]:
    """Return the margins of each answer."""
    told = b"".join(len(one).to_bytes(4, "little") + one for one in answers)
    (folder / "answers.bin").write_bytes(told)
    _messages(python, "decode", folder / "answers.bin", folder / "margins.npz")
    with np.load(folder / "margins.npz") as arrays:
        return [arrays[name] for name in arrays.files]


@contextmanager
def serving(python: Path, model: Path, folder: Path) -> Iterator[int]:
    """Serve the model in one process without parallel workers, gRPC as it comes; yields the port."""
    http, grpc, metrics = loopback.free(3)
    settings = {
        "debug": False, "host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics,
        "parallel_workers": 0,
    }  # fmt: skip
    described = {
        "name": "forest", "implementation": "runtime.Forest", "max_batch_size": BATCH,
        "max_batch_time": BATCH_SECONDS, "parameters": {"uri": str(model)},
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(described))
    shutil.copy(PEER / "runtime.py", folder)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    with (folder / "mlserver.log").open("wb") as log:
        process = subprocess.Popen(
            [str(python.with_name("mlserver")), "start", "."], cwd=folder, env=plain, stdout=log, stderr=log
        )
        try:
            _ready(process, http)
            yield grpc
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _messages(python: Path, way: str, source: Path, target: Path) -> None:
    command = [str(python), str(PEER / "messages.py"), way, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)


def _ready(process: subprocess.Popen[bytes], port: int) -> None:
    ends = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=2):
                return
        except (urllib.error.URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > ends:
                message = f"MLServer did not become ready: {error}"
                raise NotInstalledError(message) from error
        time.sleep(0.1)
