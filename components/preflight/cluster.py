"""Reading the API server that the provider would use, before anything is registered."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.settings import Cluster
from keda.api_client import api_client

_SECONDS = 5

Get = Callable[[str], Any]
"""A path of the API server to the JSON there; None if there is nothing.

Raises Forbidden if the account may not see it, OSError if no API server answers."""


class Forbidden(OSError):
    """The API server answered 403."""


class ClusterReader:
    """GETs, each path once, that keep what the account was not allowed to see.

    What may not be seen is neither found nor absent: no check fails for it, and it is named at the end.
    """

    def __init__(self, get: Get) -> None:
        self._get = get
        self._seen: dict[str, Any] = {}
        self.forbidden: list[str] = []

    def found(self, path: str) -> Mapping[str, Any]:
        """The JSON at `path`; empty if nothing is there, or if it may not be seen. Raises OSError."""
        return self._read(path) or {}

    def absent(self, path: str) -> bool:
        """Whether the API server answered that nothing is at `path`. Raises OSError."""
        return self._read(path) is None and path not in self.forbidden

    def items(self, path: str) -> list[dict[str, Any]]:
        """The items of the list at `path`, likewise."""
        return list(self.found(path).get("items") or [])

    def served(self, api_version: str) -> dict[str, str]:
        """The kinds of an API version, and the plural each is served under. Raises OSError."""
        group = "/apis" if "/" in api_version else "/api"
        listed = self.found(f"{group}/{api_version}").get("resources") or []
        return {each["kind"]: each["name"] for each in listed if "/" not in each["name"]}

    def _read(self, path: str) -> Any:
        if path not in self._seen:
            try:
                self._seen[path] = self._get(path)
            except Forbidden:
                self._seen[path] = None
                self.forbidden.append(path)
        return self._seen[path]


def api(cluster: Cluster) -> Get | None:
    """GET on the API server the provider would use; None without a kubeconfig for it."""
    # As the provider has it: a path or the file's text, else what kubectl takes.
    kubeconfig = cluster.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    source = io.StringIO(kubeconfig) if "\n" in kubeconfig else str(Path(kubeconfig).expanduser())
    try:
        connection = api_client(source, cluster.context)
    except Exception:  # of many kinds, and their texts may quote the file, which holds credentials
        return None

    def get(path: str) -> Any:
        request = connection.param_serialize("GET", path, auth_settings=["BearerToken"])
        try:
            answer = connection.call_api(*request, _request_timeout=_SECONDS)
            text = answer.read()
        except Exception as error:  # urllib3's, ssl's and the credential plugins' own
            raise OSError(f"{type(error).__name__}: {error}") from None
        if answer.status == 404:
            return None
        if answer.status == 403:
            raise Forbidden(f"{path}: {answer.status} {answer.reason}")
        if answer.status >= 400:
            raise OSError(f"{path}: {answer.status} {answer.reason}")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OSError(f"{path}: no answer of Kubernetes'")
        return found

    return get
