"""A whole platform for end-to-end tests: `ultrathink up` as a person starts it, on a directory of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ultrathink_cli.outbound import loopback

COMMAND = str(Path(sys.executable).with_name("ultrathink"))
READY_SECONDS = 90.0
JSON = "application/json"


class Platform:
    """Start, kill, ask: everything through public doors."""

    def __init__(
        self, data: Path, *, single: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.environment = {**os.environ, **(environment or {})}
        self.port, self.grpc_port = loopback.free(2)
        self.single = single
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[tuple[str, str], str] = {}

    def start(self) -> None:
        """Start and wait until it says ready."""
        command = [
            COMMAND,
            "up",
            "--port",
            str(self.port),
            "--grpc-port",
            str(self.grpc_port),
            "--data",
            str(self.data),
        ]
        with (self.data.parent / f"{self.data.name}.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*command, *(["--single"] if self.single else [])],
                env=self.environment,
                stdout=out,
                stderr=out,
            )
        self.wait_ready()

    @property
    def pid(self) -> int:
        """The process that a person started."""
        assert self._process is not None
        return self._process.pid

    def wait_ready(self) -> None:
        """Return once /readyz says yes."""
        self.wait_until(lambda: self.get("/readyz", token="")[0] == 200, "ready")

    def wait_until(self, condition: Any, what: str) -> None:
        """Poll a condition, bounded."""
        ends = time.monotonic() + READY_SECONDS
        while not condition():
            assert time.monotonic() < ends, f"not {what} within {READY_SECONDS} s: {self.said()}"
            time.sleep(0.05)

    def said(self) -> str:
        """What the platform has told the person, and the ends of its logs."""
        logs = {path.name: path.read_text()[-600:] for path in (self.data / "logs").glob("*.log")}
        return (self.data.parent / f"{self.data.name}.out").read_text()[-1000:] + json.dumps(logs)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; return the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(60)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of ours on the same data directory."""
        return subprocess.run(
            [COMMAND, *arguments, "--data", str(self.data)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def token(self, role: str = "biller", tenant: str = "demo") -> str:
        """A token of the development issuer, asked of the command once for a role and tenant."""
        wanted = (role, tenant)
        if not self._tokens.get(wanted):
            made = self.command("token", "--role", role, "--tenant", tenant)
            self._tokens[wanted] = made.stdout.strip()
        return self._tokens[wanted]

    def bearer(self) -> str:
        """The token that requests of this platform carry unless they bring another."""
        return self.token()

    def get(self, path: str, token: str | None = None) -> tuple[int, bytes]:
        """GET; return status and body, 0 when nobody answers."""
        return self.ask("GET", path, token=token)[:2]

    def post(
        self, path: str, body: bytes, media_type: str = JSON, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """POST as a biller; return status, body and headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, {"content-type": media_type, **named})

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> tuple[int, bytes, dict[str, str]]:
        """One request; an error status is an answer, not an exception."""
        if token is None:
            token = self.bearer()
        sent = {**({"authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own loopback
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)
        except OSError:
            return 0, b"", {}

    def stored(self) -> dict[str, list[str]]:
        """Return the sender's id → our ids of every recorded claim."""
        found: dict[str, list[str]] = {}
        cursor = ""
        while True:
            path = f"/api/v1/claims?limit=1000{f'&cursor={cursor}' if cursor else ''}"
            status, body = self.get(path)
            assert status == 200, body
            page = json.loads(body)
            for row in page["items"]:
                found.setdefault(row["claim_id"], []).append(row["id"])
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found

    def descendants(self) -> dict[int, str]:
        """Return pid → command line of every process below `up`."""
        parents, lines = {}, {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    lines[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ").strip()
        below, grown = {self.pid}, True
        while grown:
            more = {pid for pid, parent in parents.items() if parent in below} - below
            below |= more
            grown = bool(more)
        return {pid: lines[pid] for pid in below - {self.pid}}

    def room_pid(self, room: str) -> int:
        """The pid of one room's process."""
        return next(iter(self.room_pids(room)))

    def room_pids(self, room: str) -> list[int]:
        """The pid of one room's process, none while it is being started again."""
        wanted = "postgres -D" if room == "postgresql" else f"-m {room}"
        return [pid for pid, line in self.descendants().items() if wanted in line]


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A directory that PostgreSQL's own user can reach when the tests run as root."""
    base = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108 - reachable by every user, unlike root's home
    with tempfile.TemporaryDirectory(prefix="ultrathink-e2e-", dir=base) as made:
        Path(made).chmod(0o755)
        yield Path(made) / "data"


@contextlib.contextmanager
def platform(*, single: bool = False) -> Iterator[Platform]:
    """A running platform that is ended afterwards, whatever happened."""
    with folder() as data:
        data.mkdir()
        running = Platform(data, single=single)
        try:
            running.start()
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError, AssertionError):
                running.stop()


def claim(number: int, **changes: Any) -> bytes:
    """Return a small sound claim of our own making, canonical JSON."""
    body: dict[str, Any] = {
        "claim_id": f"E2E-{number}", "type": "professional", "subtype": "op",
        "use": "claim", "regime": "base", "created": "2026-08-02T09:30:00Z", "currency": "SAR",
        "provider": {"id": "PR-1", "type": "polyclinic", "branch": "riyadh"},
        "patient": {"id": f"P-{number}", "id_type": "mrn", "birth_date": "1984-05-02", "sex": "male"},
        "insurance": [
            {"sequence": 1, "focal": True,
             "coverage": {"member_id": "M-1", "payer": "PAYER-01", "plan": "gold"}}
        ],
        "encounter": {"class": "AMB", "start": "2026-08-01", "end": "2026-08-01"},
        "diagnoses": [{"sequence": 1, "code": "E11.9", "system": "icd-10-cm", "type": ["principal"]}],
        "care_team": [{"sequence": 1, "practitioner": "D-1", "role": "primary"}],
        "supporting_info": [{"sequence": 1, "category": "chief-complaint", "value_string": "thirst"}],
        "lines": [
            {"sequence": 1, "code": "G0108", "system": "hcpcs", "service_date": "2026-08-01", "quantity": 1,
             "unit_price": 170.00, "factor": 1, "tax": 0, "net": 170.00, "patient_share": 0,
             "diagnosis_sequences": [1], "care_team_sequences": [1], "information_sequences": [1]},
        ],
        "total": 170.00,
    }  # fmt: skip
    return json.dumps({**body, **changes}).encode()
