"""Callers of a run: single claims with and without a key, and files; each is sent until acknowledged."""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import platform_support
from chaos import books

PATH = "/api/v1/claims"
PATIENCE_SECONDS = 30.0  # longer than any answer may take
SINGLE_PAUSE = 0.01  # between two claims of one caller: the machine is shared, and load is not what is shown
RETRY_PAUSE = 0.1
LINE_PAUSE = 0.004
FILE_LINES = 120
FINISH_SECONDS = 60.0


class Crowd:
    """Sends until told to end; leaving waits until everything begun is acknowledged."""

    def __init__(
        self, platform: platform_support.Platform, book: books.Book, *, singles: int, files: int, prefix: str
    ) -> None:
        self._platform, self._book, self._prefix = platform, book, prefix
        self._numbers = itertools.count(1)
        self._ending, self._giving_up = threading.Event(), threading.Event()
        works = [self._singles] * singles + [self._files] * files
        self._threads = [
            threading.Thread(target=work, args=(number,), daemon=True) for number, work in enumerate(works)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        ends = time.monotonic() + FINISH_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        hanging = sum(thread.is_alive() for thread in self._threads)
        self._giving_up.set()
        if hanging:
            self._book.complain(
                f"{hanging} senders had no acknowledgement {FINISH_SECONDS:.0f} s after the end"
            )
            for thread in self._threads:
                thread.join(PATIENCE_SECONDS)

    def wait_for(self, more: int, seconds: float = FINISH_SECONDS) -> None:
        """Return when so many more claims are acknowledged; complain when that takes too long."""
        wanted, ends = len(self._book.acknowledged) + more, time.monotonic() + seconds
        while len(self._book.acknowledged) < wanted:
            if time.monotonic() > ends:
                self._book.complain(f"no {more} claims acknowledged within {seconds:.0f} s")
                return
            self._ending.wait(0.02)

    def _body(self) -> bytes:
        return platform_support.claim(next(self._numbers), claim_id=f"{self._prefix}-{next(self._numbers)}")

    def _singles(self, caller: int) -> None:
        while not self._ending.wait(SINGLE_PAUSE):
            body = self._body()
            key = f"{self._prefix}-key-{next(self._numbers)}" if caller % 2 else ""
            while not post(self._platform, self._book, body, key):
                if self._giving_up.wait(RETRY_PAUSE):
                    return

    def _files(self, _: int) -> None:
        while not self._ending.is_set():
            bodies = [self._body() for _ in range(FILE_LINES)]
            while not self._upload(bodies):
                if self._giving_up.wait(RETRY_PAUSE):
                    return

    def _upload(self, bodies: list[bytes]) -> bool:
        """Send a file; return whether every claim of it is acknowledged."""
        headers = {"content-type": "application/x-ndjson", "transfer-encoding": "chunked"}
        try:
            with _connected(self._platform, headers) as (connection, sent):
                connection.request("POST", PATH, self._lines(bodies), sent, encode_chunked=True)
                answer = connection.getresponse()
                if answer.status != http.client.OK:
                    refused(self._book, answer, answer.read())
                    return False
                told = [json.loads(line) for line in answer if line.strip()]
        except (OSError, http.client.HTTPException, ValueError):
            self._book.refuse(0, "file broke off", None)
            return False
        return self._all_told(bodies, told)

    def _all_told(self, bodies: list[bytes], told: list[dict[str, Any]]) -> bool:
        kept = 0
        for body, line in zip(bodies, told, strict=False):
            if "verdict" in line:
                kept += 1
                if line["claim_id"] != json.loads(body)["claim_id"]:
                    self._book.complain(f"a file's answer for {line['claim_id']} stands in another's place")
                self._book.acknowledge(line, body)
            else:
                self._book.refuse(line["status"], line["type"].rpartition("/")[2], "")
        return kept == len(bodies)

    def _lines(self, bodies: list[bytes]) -> Iterator[bytes]:
        for body in bodies:
            yield body + b"\n"
            self._giving_up.wait(LINE_PAUSE)


def post(platform: platform_support.Platform, book: books.Book, body: bytes, key: str = "") -> bool:
    """Send one claim once; return whether it is acknowledged."""
    headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
    began = time.monotonic()
    try:
        with _connected(platform, headers) as (connection, sent):
            connection.request("POST", PATH, body, sent)
            answer = connection.getresponse()
            content = answer.read()
    except (OSError, http.client.HTTPException):
        book.took(time.monotonic() - began, "a claim without answer")
        book.refuse(0, "no answer", None)
        return False
    book.took(time.monotonic() - began, f"an answer {answer.status}")
    if answer.status not in {200, 201}:
        refused(book, answer, content)
        return False
    book.acknowledge(json.loads(content), body, key)
    return True


def refused(book: books.Book, answer: http.client.HTTPResponse, content: bytes) -> None:
    """Note a refusal that came as a problem document."""
    try:
        reason = str(json.loads(content)["type"]).rpartition("/")[2]
    except (ValueError, KeyError):
        reason = "no problem document"
        book.complain(f"answered {answer.status} without a problem document")
    book.refuse(answer.status, reason, answer.getheader("retry-after"))


@contextlib.contextmanager
def _connected(
    platform: platform_support.Platform, headers: dict[str, str]
) -> Iterator[tuple[http.client.HTTPConnection, dict[str, str]]]:
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=PATIENCE_SECONDS)
    try:
        yield connection, {**headers, "authorization": f"Bearer {platform.bearer()}"}
    finally:
        connection.close()
