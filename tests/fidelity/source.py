"""The one program that all scenarios read: a JSON endpoint, Prometheus' query API, the metrics API of pods.

It listens on the node's address inside the lab. A scenario's clock starts when its first signal is read,
which is KEDA's first poll.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lab.node import netns
from lab.node.netns import NODE_ADDRESS
from lab.paths import Lab
from tests.fidelity.signals import DOWN, EMPTY, NAN, Timeline

PORT = 9900
METRICS_PORT = 9901

PodMetrics = Callable[[str], list[dict[str, Any]]]
"""Items of a PodMetricsList for a label selector."""


@dataclass
class Signals:
    """The timelines by scenario, when each began, and what was served when (seconds of the clock)."""

    timelines: dict[str, Sequence[Timeline]] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    served: dict[str, list[tuple[float, int, float | str]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, scenario: str, timelines: Sequence[Timeline]) -> None:
        self.timelines[scenario] = timelines
        self.served[scenario] = []

    def read(self, scenario: str, index: int) -> float | str:
        """The value now. Raises KeyError, IndexError for a signal that is not there."""
        now = time.time()
        timeline = self.timelines[scenario][index]
        with self.lock:
            begun = self.begun.setdefault(scenario, now)
            value = timeline.value(now - begun)
            self.served[scenario].append((now, index, value))
        return value


def start(lab: Lab, signals: Signals, pods: PodMetrics) -> Callable[[], None]:
    """Serves until the returned function is called."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The API server does not verify it (insecureSkipTLSVerify).
    tls.load_cert_chain(lab.root / "pki" / "kubelet.crt", lab.root / "pki" / "kubelet.key")
    with netns.entered(lab):  # a socket stays in the namespace it was made in
        metrics = _Server((NODE_ADDRESS, METRICS_PORT), _metrics_handler(pods))
        servers = (_Server((NODE_ADDRESS, PORT), _handler(signals)), metrics)
    metrics.socket = tls.wrap_socket(metrics.socket, server_side=True, do_handshake_on_connect=False)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop() -> None:
        for server in servers:
            server.shutdown()
            server.server_close()

    return stop


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no matter."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body: Any, status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was served is recorded."""


def _handler(signals: Signals) -> type[_Handler]:
    class Handler(_Handler):
        def do_GET(self) -> None:
            scenario, index, *rest = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
            value = signals.read(scenario, int(index))
            if value == DOWN:
                self.answer({"error": "down"}, 500)
            elif rest:  # /api/v1/query
                text = "NaN" if value == NAN else str(value)
                series = [] if value == EMPTY else [{"metric": {}, "value": [time.time(), text]}]
                self.answer({"status": "success", "data": {"resultType": "vector", "result": series}})
            else:
                self.answer({"value": value})

    return Handler


_GROUP = "metrics.k8s.io/v1beta1"


def _metrics_handler(pods: PodMetrics) -> type[_Handler]:
    class Handler(_Handler):
        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            if url.path.endswith("/pods"):
                selector = urllib.parse.parse_qs(url.query).get("labelSelector", [""])[0]
                self.answer({"kind": "PodMetricsList", "apiVersion": _GROUP, "items": pods(selector)})
            elif url.path.rstrip("/") == f"/apis/{_GROUP}":
                verbs = {"name": "pods", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
                listing = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _GROUP}
                self.answer({**listing, "resources": [verbs]})
            else:
                self.answer({"kind": "Status", "status": "Failure", "code": 404}, 404)

    return Handler
