"""PostgreSQL as a child of ours: initialise, start, watch, restart, stop; knows no table and no claim.

The server's binaries come with a wheel; everything it writes lies under one folder. The process that opens
the database is its parent and the server never outlives it (see launcher.py).
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib import parse

import msgspec

from chassis import errors
from storage.outbound import launcher, server_files

START_SECONDS = 60.0  # crash recovery after a kill replays at most max_wal_size; a cold disk needs the rest
STOP_SECONDS = 20.0  # a fast shutdown writes one checkpoint
POLL_SECONDS = 0.01
SOCKET_PATH_LIMIT = 100  # sun_path holds 107 bytes; the socket's own name takes the rest

# Why each differs from PostgreSQL's default. synchronous_commit stays on: an answer means durable.
TUNING = {
    "max_connections": "40",  # one platform on one machine: pools of a few services, and a person with psql
    "wal_compression": "on",  # full-page images are most of the log after a checkpoint
    "wal_buffers": "16MB",  # one batch of a thousand claims is 5 MB of log
    "max_wal_size": "4GB",  # with the next: checkpoints by time, not by volume, under a bulk load
    "checkpoint_timeout": "15min",
    "min_wal_size": "256MB",  # recycled segments cost no file creation
    "jit": "off",  # compiling costs more than any statement of ours runs
    "random_page_cost": "1.1",  # solid-state disks
    "autovacuum_naptime": "30s",  # roll-ups are updated often; keep them small
    "password_encryption": "scram-sha-256",
    "logging_collector": "on",  # the log rotates inside the data folder instead of growing without bound
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_statement": "none",  # statements carry claims
    "log_min_error_statement": "panic",  # the text of a failed statement could hold a value
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",  # DETAIL of a constraint's violation quotes the row
}


class Credentials(msgspec.Struct, frozen=True):
    """Passwords generated once per data folder: of the superuser, the owner and the application role."""

    superuser: str
    owner: str
    application: str


class EmbeddedDatabase:
    """A running server. `dsn` and `owner_dsn` are the application's and the migrations' ways in."""

    def __init__(self, folder: Path, credentials: Credentials, installation: Path) -> None:
        self._folder, self._credentials, self._bin = folder, credentials, installation / "bin"
        self._data = folder / "data"
        short = len(str(folder)) <= SOCKET_PATH_LIMIT - len("/.s.PGSQL.65535")
        self._socket: Path | None = folder if short else None
        self._port = 5432
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """Where the application role logs in; it owns nothing, so row-level security binds it."""
        return self._dsn("ultrathink_app", self._credentials.application, "ultrathink")

    @property
    def owner_dsn(self) -> str:
        """Where migrations log in: the owner of the schema."""
        return self._dsn("ultrathink_owner", self._credentials.owner, "ultrathink")

    @property
    def superuser_dsn(self) -> str:
        """Where roles and the database itself are made; never handed to a service."""
        return self._dsn("postgres", self._credentials.superuser, "postgres")

    @property
    def credentials(self) -> Credentials:
        """The generated passwords."""
        return self._credentials

    @property
    def pid(self) -> int | None:
        """The server's process id while it has one."""
        return self._process.pid if self._process is not None else None

    def environment(self) -> dict[str, str]:
        """Return what the storage service needs in its environment to use this server."""
        return {"DATABASE_URL": self.dsn, "DATABASE_OWNER_URL": self.owner_dsn}

    def _dsn(self, user: str, password: str, database: str) -> str:
        return self.address(user, database).replace("@", f":{password}@", 1)

    def address(self, user: str, database: str) -> str:
        """Return a URL without a password, for the server's own client programs."""
        if self._socket is not None:
            return f"postgresql://{user}@/{database}?host={parse.quote(str(self._socket))}&port={self._port}"
        return f"postgresql://{user}@127.0.0.1:{self._port}/{database}"

    def program(self, name: str) -> Path:
        """Return one of the server's programs, such as psql or pg_dump."""
        return self._bin / name

    def client_environment(self) -> dict[str, str]:
        """Return the environment in which the server's client programs log in as the superuser."""
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "TZ": "UTC",
            "PGPASSWORD": self._credentials.superuser,
        }

    def start(self) -> None:
        """Start the server and return when it accepts connections; call from the main thread.

        Raises Unavailable `database.start_failed` when it ends or stays silent for START_SECONDS.
        """
        server_files.clear_stale(self._data, self._folder)
        if self._socket is None:
            self._port = server_files.free_port()
        self._process = subprocess.Popen(  # noqa: S603 - our own launcher, fixed arguments
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"},
            start_new_session=True,  # Ctrl-C goes to the platform, which stops the server last
        )
        deadline = time.monotonic() + START_SECONDS
        while not server_files.accepts(self._data):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise errors.Unavailable(
                    "database.start_failed", f"PostgreSQL did not start; its log is under {self._data}/log."
                )
            time.sleep(POLL_SECONDS)

    def _command(self) -> list[str]:
        user = server_files.server_user()
        mode = "signal" if sys.platform == "linux" else "pipe"
        options = {
            "unix_socket_directories": str(self._socket or ""),
            "unix_socket_permissions": "0700",
            "listen_addresses": "" if self._socket else "127.0.0.1",
            "port": str(self._port),
            "shared_buffers": server_files.shared_buffers(server_files.memory()),
        }
        command = [
            sys.executable,
            "-I",
            "-S",
            launcher.__file__,
            str(os.getpid()),
            str(user),
            str(user),
            mode,
        ]
        command += [str(self._bin / "postgres"), "-D", str(self._data)]
        for name, value in {**TUNING, **options}.items():
            command += ["-c", f"{name}={value}"]
        return command

    def adopt(self, port: int) -> None:
        """Take over the port of a server that is not this object's child."""
        self._port = port

    def poll(self) -> int | None:
        """Return None while the server runs, its exit code once it ended."""
        return self._process.poll() if self._process is not None else 0

    def restart(self) -> None:
        """Start again after the server died (or stop it first); call from the main thread."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Stop in the fast way: sessions end, one checkpoint is written; quit hard after STOP_SECONDS."""
        process, self._process = self._process, None
        if process is None:
            return
        for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if process.poll() is None:
                process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
                break
        if process.stdin is not None:
            process.stdin.close()


@contextlib.contextmanager
def opened(data_dir: Path) -> Iterator[EmbeddedDatabase]:
    """Yield the running server of `data_dir`, made on first use; stop it afterwards.

    Roles and the application's database are not made here (see roles.py). Raises Conflict `database.in_use`
    when another process supervises the same folder, Invalid `database.unreachable_folder` when the server's
    user cannot reach it.
    """
    folder = data_dir.resolve() / "postgres"
    server_files.prepare(folder)
    with _supervised(folder.parent / "postgres.lock"):
        installation = server_files.reachable_installation(folder)
        credentials = _credentials(folder.parent / "database.json")
        if not (folder / "data" / "PG_VERSION").exists():
            _initialise(folder, credentials, installation)
        database = EmbeddedDatabase(folder, credentials, installation)
        database.start()
        try:
            yield database
        finally:
            database.stop()


def attached(data_dir: Path) -> EmbeddedDatabase:
    """Return a handle on a server that another process runs, for client programs.

    NotFound `database.missing`.
    """
    folder = data_dir.resolve() / "postgres"
    if not server_files.accepts(folder / "data"):
        raise errors.NotFound("database.missing", f"No database runs under {data_dir}.")
    installation = server_files.reachable_installation(folder)
    database = EmbeddedDatabase(folder, _credentials(folder.parent / "database.json"), installation)
    database.adopt(server_files.port(folder / "data"))
    return database


@contextlib.contextmanager
def _supervised(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise errors.Conflict(
                "database.in_use", f"Another process runs the database under {lock.parent}."
            ) from cause
        yield


def _credentials(path: Path) -> Credentials:
    """Return the folder's passwords, generated on first use, readable by the platform's user alone."""
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    made = Credentials(*(secrets.token_urlsafe(24) for _ in range(3)))
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(made))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return made


def _initialise(folder: Path, credentials: Credentials, installation: Path) -> None:
    """Make the data folder beside its place and move it there, so that a kill leaves none or a whole one."""
    fresh = folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    password = folder / "password"
    user = server_files.server_user()
    with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(credentials.superuser)
        os.fchown(file.fileno(), user, user)
    command = [
        str(installation / "bin" / "initdb"),
        "-D",
        str(fresh),
        "-U",
        "postgres",
        "-A",
        "scram-sha-256",
    ]
    command += [f"--pwfile={password}", "--encoding=UTF8", "--locale-provider=builtin"]
    command += ["--builtin-locale=C.UTF-8", "--locale=C"]
    identity = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}
    try:
        made = subprocess.run(  # type: ignore[call-overload]  # noqa: S603, UP022 - fixed arguments; **identity hides them
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            timeout=120,
            **identity,
        )
    finally:
        password.unlink()
    if made.returncode != 0:
        raise errors.Unavailable("database.initialise_failed", made.stderr.decode(errors="replace")[-500:])
    fresh.rename(folder / "data")
