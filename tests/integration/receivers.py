"""Who receives calls on loopback: a webhook and a mail server that keep what came, and can be told to fail."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hook:
    """`status` is what it answers; `posts` are the headers (small letters) and the body of each request."""

    status: int = 204
    address: str = ""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def hook() -> Iterator[Hook]:
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.status)
            if 300 <= kept.status < 400:
                self.send_header("Location", f"{kept.address}?again")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        kept.address = f"http://127.0.0.1:{port}/calls/s3cret-path"
        yield kept


@dataclass
class Mailbox:
    """`refuses` is the code with which it answers a recipient; `mails` are the recipients and the raw message."""

    refuses: int = 0
    port: int = 0
    mails: list[tuple[list[str], str]] = field(default_factory=list)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Knows no STARTTLS."""
    kept = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            to: list[str] = []
            while line := self.rfile.readline():
                verb = line.decode().strip().upper()
                if verb.startswith("RCPT") and not kept.refuses:
                    to.append(line.decode().split("<")[1].split(">")[0])
                if verb == "DATA":
                    self._say("354 go on")
                    kept.mails.append((to, self._message()))
                self._say(f"{kept.refuses} no such box" if verb.startswith("RCPT") and kept.refuses else "250 ok")
                if verb == "QUIT":
                    return

        def _message(self) -> str:
            lines = iter(self.rfile.readline, b".\r\n")
            return b"".join(lines).decode()

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with _serving(Server(("127.0.0.1", 0), Handler)) as port:
        kept.port = port
        yield kept


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
