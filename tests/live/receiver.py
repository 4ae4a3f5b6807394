"""A webhook receiver for Alertmanager: `python -m tests.live.receiver ADDRESS PORT FILE`.

Each notification becomes a line of FILE: its path, and the body that Alertmanager sent.
"""

from __future__ import annotations

import http.server
import json
import sys
from pathlib import Path


def main(address: str, port: int, file: Path) -> None:
    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with file.open("a", encoding="utf-8") as notifications:
                notifications.write(json.dumps({"path": self.path, "body": body}) + "\n")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    http.server.HTTPServer((address, port), Receiver).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
