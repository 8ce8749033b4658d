"""A process that becomes PostgreSQL (Linux) or watches over it (elsewhere); stdlib only, no import of ours.

Run as `python -I -S launcher.py PARENT UID GID MODE postgres …`. It exists because the death signal must be
asked for after the change of user and before the exec, and doing that in a forked copy of a threaded parent
is not safe.

MODE `signal`: the kernel sends SIGQUIT to PostgreSQL when the parent dies, however it dies.
MODE `pipe`: standard input is a pipe whose other end only the parent holds; its end means the parent is gone
(macOS has no death signal). SIGINT and SIGTERM are passed on.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
ORPHANED = 75  # EX_TEMPFAIL: the parent was gone before the server began
PASSED = (signal.SIGINT, signal.SIGTERM)
POLL_SECONDS = 0.2  # how late the pipe's watcher notices that the server itself ended


def main(arguments: list[str]) -> int:
    """Drop to the user, tie the server's life to the parent's, and become or watch it."""
    parent, uid, gid, mode, *command = arguments
    # In a script's background SIGQUIT is ignored, and a server that is not yet up would inherit that.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    if os.getuid() == 0 and int(uid) != 0:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if mode == "pipe":
        return watch(command)
    # The library is opened by the running program itself: its name differs between C libraries.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0) != 0:
        return ORPHANED
    if os.getppid() != int(parent):  # the parent died before the kernel knew what we want
        return ORPHANED
    return os.execv(command[0], command)  # noqa: S606 - a fixed program of ours, no shell wanted


def watch(command: list[str]) -> int:
    """Run the command until it ends, or end it when standard input does; return its exit code."""
    early: list[int] = []  # a signal may come while the server is being born, and must not end us without it
    for number in PASSED:
        signal.signal(number, lambda received, _frame: early.append(received))
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - a fixed program of ours
    for number in PASSED:
        signal.signal(number, lambda received, _frame: server.send_signal(received))
    for received in early:
        server.send_signal(received)
    while server.poll() is None:
        readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 1):
            server.send_signal(signal.SIGQUIT)
            return server.wait()
    return server.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
