"""For tests of the command line: a gateway of one answer, over real HTTP on the loopback."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@contextmanager
def gateway(answer: Callable[[Asked], tuple[int, bytes]]) -> Iterator[tuple[str, list[Asked]]]:
    """Answer every request inside the block by `answer`; yields the URL and what was asked."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        """Reads bodies whole, by length or in chunks."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Take a message or a file."""
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(Asked(self.path, headers, self._body(headers)))

        def do_GET(self) -> None:
            """Take a question."""
            self._answer(Asked(self.path))

        def _body(self, headers: dict[str, str]) -> bytes:
            if headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(headers.get("content-length", 0)))
            whole = b""
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def _answer(self, request: Asked) -> None:
            asked.append(request)
            status, body = answer(request)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
