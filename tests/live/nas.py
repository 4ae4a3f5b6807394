"""A NAS that goes away on command, and the exporter that probes it: `python -m tests.live.nas ADDRESS`.

The NAS listens on NFS's port. The exporter answers as the blackbox exporter's module tcp: it connects, and
probe_success is 1 or 0. Commands come by the line on stdin, and each is answered once it is done.
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import sys
import threading
import urllib.parse

NFS, EXPORTER = 2049, 9115


class Nas:
    """Listens, or does not."""

    def __init__(self, address: str) -> None:
        self._address, self._socket = address, None
        self.back()

    _socket: socket.socket | None

    def away(self) -> None:
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None

    def back(self) -> None:
        listening = socket.create_server((self._address, NFS), backlog=64)
        self._socket = listening
        threading.Thread(target=self._serve, args=(listening,), daemon=True).start()

    def _serve(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is away
            while True:
                listening.accept()[0].close()


class Exporter(http.server.BaseHTTPRequestHandler):
    """GET /probe?target=host:port."""

    mute = False

    def do_GET(self) -> None:
        if Exporter.mute:
            self.send_error(503)
            return
        (target,) = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["target"]
        host, _, port = target.rpartition(":")
        success = 0
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            success = 1
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(f"probe_success {success}\n".encode())

    def log_message(self, *args: object) -> None:
        pass


def main(address: str) -> None:
    nas = Nas(address)
    server = http.server.ThreadingHTTPServer((address, EXPORTER), Exporter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        match line.strip():
            case "away":
                nas.away()
            case "back":
                nas.back()
            case "mute":
                Exporter.mute = True
            case "answer":
                Exporter.mute = False
        print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
