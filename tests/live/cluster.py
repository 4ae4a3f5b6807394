"""The live tests' view of the cluster: JSON over the API server, and waiting on conditions."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from kubernetes import config

T = TypeVar("T")
KEDA = "/apis/keda.sh/v1alpha1"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class Refused(Exception):
    """The API server said no; `str()` is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """A connection to one API server."""

    def __init__(self, kubeconfig: str) -> None:
        self._api = config.new_client_from_config(kubeconfig)  # type: ignore[no-untyped-call]

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        """One request; the answer as JSON.

        Raises:
            Refused: the server said no.
        """
        return json.loads(self._send(method, path, body, content))

    def text(self, path: str) -> str:
        """What is at `path` as plain text, such as a pod's log."""
        return self._send("GET", path).decode()

    def _send(self, method: str, path: str, body: Any = None, content: str = "application/json") -> bytes:
        headers = {"Accept": "application/json", "Content-Type": content}
        url = self._api.configuration.host + path
        response = self._api.call_api(method, url, headers, body=body, _request_timeout=30)
        text: bytes = response.read()
        if response.status >= 400:
            raise Refused(response.status, _message(text))
        return text

    def get(self, path: str) -> Any:
        """The object or list at `path`, or None if there is none."""
        try:
            return self.request("GET", path)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def create(self, path: str, body: Any) -> Any:
        """POSTs an object to a collection."""
        return self.request("POST", path, body)

    def delete(self, path: str) -> None:
        """Deletes what is at `path`, if it is there."""
        try:
            self.request("DELETE", path)
        except Refused as error:
            if error.status != 404:
                raise

    def replicas(self, namespace: str, deployment: str) -> tuple[int, int]:
        """(wanted, ready) replicas of a Deployment."""
        found = self.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")
        return found["spec"].get("replicas", 1), found["status"].get("readyReplicas", 0)

    def condition(self, path: str, kind: str) -> tuple[str, str]:
        """(status, message) of a condition of the object at `path`; ("absent", "") without it."""
        found = self.get(path)
        for entry in ((found or {}).get("status") or {}).get("conditions") or []:
            if entry["type"] == kind:
                return entry["status"], entry.get("message", "")
        return "absent", ""


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text).get("message", ""))
    except ValueError:  # a path that nothing serves is answered in plain text
        return text.decode(errors="replace")


def wait(what: str, seconds: float, probe: Callable[[], T | None]) -> T:
    """Asks `probe` twice a second until it gives something true; fails naming `what` and the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        last = probe()
        if last:
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}; last seen: {last!r}")
        time.sleep(0.5)


def query(port: int, expression: str) -> list[dict[str, Any]]:
    """An instant query to the lab's Prometheus on a loopback port: its result vector."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return list(json.load(answer)["data"]["result"])
