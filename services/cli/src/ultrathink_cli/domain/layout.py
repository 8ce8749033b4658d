"""Where the platform keeps its files: everything lies under one data directory, nothing outside it."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

DEFAULT_NAME = ".ultrathink"
ROOT_HOME = Path(
    "/var/lib/ultrathink"
)  # where a system service keeps state; the database's user can reach it
OTHERS_PASS = stat.S_IXOTH
SERVICES = ("gateway", "claims", "scoring", "storage")
KEPT = ("arms",)  # folders of the data directory that a backup holds beside database and objects
IDENTITIES = (*SERVICES, "cli")  # whoever signs calls


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of the files under `data`, the data directory."""

    data: Path

    @property
    def run_file(self) -> Path:
        """Who runs, where, since when; exists only while the platform runs."""
        return self.data / "run.json"

    @property
    def keys(self) -> Path:
        """Keys of services and of the development issuer."""
        return self.data / "keys"

    @property
    def logs(self) -> Path:
        """One log file per room."""
        return self.data / "logs"

    @property
    def objects(self) -> Path:
        """The local object store."""
        return self.data / "objects"

    @property
    def spool(self) -> Path:
        """Answers that wait for slow readers."""
        return self.data / "spool"

    @property
    def arms(self) -> Path:
        """What operators decided about scoring's arms."""
        return self.data / "arms"

    @property
    def issuer_key(self) -> Path:
        """The development issuer's private key."""
        return self.keys / "issuer.pem"

    @property
    def patient_key(self) -> Path:
        """The secret under which patients' identities become keys."""
        return self.keys / "patient.key"


def reachable_by_others(path: Path) -> bool:
    """Return whether another user can pass through every existing folder down to `path`."""
    existing = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & OTHERS_PASS for folder in existing)


def default_data(here: Path, *, is_root: bool | None = None) -> Path:
    """Return the data directory used when none is named.

    `.ultrathink` under `here`; for root, whose database runs as another user, a folder of its own under
    /var/lib/ultrathink when that user could not reach `here` (one per `here`, so that two copies stay apart).
    """
    root = os.geteuid() == 0 if is_root is None else is_root
    wanted = here.resolve() / DEFAULT_NAME
    if not root or reachable_by_others(wanted):
        return wanted
    return ROOT_HOME / hashlib.sha256(str(here.resolve()).encode()).hexdigest()[:12]
