"""The API server: kubeconfig, discovery and plain verbs on plain objects. Safe to use from many threads."""

from __future__ import annotations

import json
import re
import ssl
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

import urllib3
import yaml
from kubernetes.client.configuration import Configuration
from kubernetes.config import ConfigException, kube_config

Object = dict[str, Any]

AGGREGATED_DISCOVERY = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
)
APPLY = "application/apply-patch+yaml"
CONNECTIONS = 64
_load_from_dict: Callable[..., None] = kube_config.load_kube_config_from_dict
_load_from_file: Callable[..., None] = kube_config.load_kube_config

TIMEOUT = urllib3.Timeout(connect=5, read=60)  # seconds


class Unreachable(Exception):
    """No API server answers, or no kubeconfig names one. The text is one line."""


class NoSuchKind(Exception):
    """The API server does not serve this kind."""


class ApiError(Exception):
    """The API server said no. The text is its own message on one line."""

    def __init__(
        self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
        self.reason = reason
        self.details = details or {}

    @property
    def not_found(self) -> bool:
        """The object, its kind or its namespace is not there."""
        return self.code == 404

    @property
    def namespace_missing(self) -> bool:
        """The namespace of a new object is not there."""
        return self.not_found and self.details.get("kind") == "namespaces"

    @property
    def already_exists(self) -> bool:
        """The object to create is there."""
        return self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """Another field manager owns a field, or the object is a newer one."""
        return self.reason == "Conflict" or self.code == 409 and not self.reason

    @property
    def forbidden(self) -> bool:
        """As apimachinery's `IsForbidden`: the reason decides, and the code only where there is none."""
        return self.reason == "Forbidden" or self.code == 403 and self.reason in {"", "Unknown"}

    @property
    def denied_by_admission(self) -> bool:
        """Refused by a webhook or an admission policy: the object is at fault, not the caller's rights."""
        return bool(
            re.search(r"denied the request|ValidatingAdmissionPolicy '.*' .*denied request", str(self))
        )


@dataclass(frozen=True)
class Kind:
    """How a kind is addressed."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The path of an object, or of the list without a name."""
        root = "/api" if "/" not in self.api_version else "/apis"
        scope = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        return f"{root}/{self.api_version}{scope}/{self.plural}" + (
            f"/{quote(name, safe='')}" if name else ""
        )


def load_kubeconfig(path_or_text: str) -> dict[str, Any]:
    """A kubeconfig given as a path or as its text.

    Raises:
        Unreachable: it is neither.
    """
    path = kubeconfig_file(path_or_text)
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8") if path else path_or_text)
    except (OSError, yaml.YAMLError) as error:
        raise Unreachable(f"the kubeconfig cannot be read: {_one_line(error)}") from None
    if not isinstance(loaded, dict):
        raise Unreachable("the kubeconfig is neither a readable file nor YAML with clusters and contexts")
    return loaded


def kubeconfig_file(path_or_text: str) -> Path | None:
    """The file, if a provider's `kubeconfig` names one rather than being one."""
    if "\n" in path_or_text or len(path_or_text) > 4096:
        return None
    path = Path(path_or_text).expanduser()
    return path if path.is_file() else None


class Cluster:
    """One cluster through one context of a kubeconfig."""

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        """Args:
            kubeconfig: path or text; None for the ambient one ($KUBECONFIG, else ~/.kube/config).
            context: its name; None for the current one.

        Raises:
            Unreachable: there is no such kubeconfig or context.
        """
        self.kubeconfig = kubeconfig
        self.context = context
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._lock = threading.Lock()
        self._configuration = Configuration()
        path = kubeconfig_file(kubeconfig) if kubeconfig else None
        # The client writes inline certificates and keys to files; only making the TLS context needs them.
        with tempfile.TemporaryDirectory() as folder:
            options = {
                "context": context,
                "client_configuration": self._configuration,
                "temp_file_path": folder,
            }
            try:
                if kubeconfig and path is None:
                    _load_from_dict(load_kubeconfig(kubeconfig), **options)
                else:
                    _load_from_file(str(path) if path else None, **options)
            except (ConfigException, yaml.YAMLError, KeyError, TypeError) as error:
                raise Unreachable(f"the kubeconfig cannot be used: {_one_line(error)}") from None
            self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False, ssl_context=self._tls())
        self.server: str = self._configuration.host.rstrip("/")

    def _tls(self) -> ssl.SSLContext:
        configuration = self._configuration
        tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if not configuration.verify_ssl:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if configuration.cert_file:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
        return tls

    def version(self) -> str:
        """The API server's version, such as `v1.34.3`.

        Raises:
            Unreachable: it does not answer.
        """
        return cast(str, self._request("GET", "/version")["gitVersion"])

    def kind(self, api_version: str, kind: str) -> Kind:
        """Looks a kind up, asking the server again when it is not known yet.

        Raises:
            NoSuchKind: not served.
        """
        key = (api_version, kind)
        if key not in self._kinds:
            with self._lock:
                if key not in self._kinds:
                    self._kinds = self._discover()
        if key not in self._kinds:
            raise NoSuchKind(f'no matches for kind "{kind}" in version "{api_version}"')
        return self._kinds[key]

    def kinds(self) -> list[Kind]:
        """All kinds the server serves now."""
        with self._lock:
            self._kinds = self._discover()
        return list(self._kinds.values())

    def _discover(self) -> dict[tuple[str, str], Kind]:
        kinds = {}
        for root in ("/api", "/apis"):
            for group in self._request("GET", root, headers={"Accept": AGGREGATED_DISCOVERY}).get(
                "items", []
            ):
                name = group.get("metadata", {}).get("name")
                for version in group.get("versions", []):
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    for found in version.get("resources", []):
                        kind = (found.get("responseKind") or {}).get("kind") or ""
                        kinds[api_version, kind] = Kind(
                            api_version, kind, found["resource"], found.get("scope") == "Namespaced"
                        )
        return kinds

    def get(self, manifest: Object) -> Object:
        """Reads the object a manifest names. All verbs raise ApiError, NoSuchKind, Unreachable."""
        return self._request("GET", self._path(manifest))

    def objects(self, api_version: str, kind: str, namespace: str | None, **query: str) -> list[Object]:
        """The objects of a kind in a namespace (or all), e.g. `labelSelector="app=x"`."""
        path = self.kind(api_version, kind).path(namespace)
        return cast(list[Object], self._request("GET", path, query=query).get("items") or [])

    def create(self, manifest: Object, manager: str, *, dry_run: bool) -> Object:
        """Creates; refuses to touch an object that exists."""
        query = {"fieldManager": manager, **_dry_run(dry_run)}
        return self._request("POST", self._path(manifest, named=False), query=query, body=manifest)

    def apply(self, manifest: Object, manager: str, *, force: bool, dry_run: bool) -> Object:
        """Server-side apply."""
        query = {"fieldManager": manager, "force": "true" if force else "false", **_dry_run(dry_run)}
        return self._request(
            "PATCH", self._path(manifest), query=query, headers={"Content-Type": APPLY}, body=manifest
        )

    def replace(self, manifest: Object, manager: str, *, dry_run: bool) -> Object:
        """Replaces the whole object."""
        query = {"fieldManager": manager, **_dry_run(dry_run)}
        return self._request("PUT", self._path(manifest), query=query, body=manifest)

    def patch(self, manifest: Object, operations: list[Object]) -> Object:
        """A JSON patch."""
        headers = {"Content-Type": "application/json-patch+json"}
        return self._request("PATCH", self._path(manifest), headers=headers, body=operations)

    def delete(self, manifest: Object, propagation: str) -> None:
        """Asks for deletion; it may take a while, see `metadata.finalizers`."""
        self._request("DELETE", self._path(manifest), body={"propagationPolicy": propagation})

    def _path(self, manifest: Object, named: bool = True) -> str:
        kind = self.kind(manifest["apiVersion"], manifest["kind"])
        metadata = manifest.get("metadata") or {}
        return kind.path(metadata.get("namespace") or "default", metadata["name"] if named else None)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Object:
        sent = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        sent["User-Agent"] = "pulumi-kubernetes"
        for auth in cast(dict[str, Object], self._configuration.auth_settings()).values():
            sent[str(auth["key"])] = str(auth["value"])
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        try:
            # Apply's media type is YAML, and JSON is YAML.
            response = self._pool.request(
                method, url, headers=sent, body=None if body is None else json.dumps(body), timeout=TIMEOUT
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"{self.server} does not answer: {_one_line(error)}") from None
        text = response.data
        if response.status >= 300:
            raise _api_error(response.status, text)
        return cast(Object, json.loads(text)) if text else {}


def retry(
    action: Callable[[], Any], again: Callable[[Exception], bool], pauses: list[float], wait: Any
) -> Any:
    """Runs `action`, again after each pause (seconds) while `again` is true; `wait` sleeps and may raise."""
    for pause in pauses:
        try:
            return action()
        except (ApiError, NoSuchKind) as error:
            if not again(error):
                raise
        wait(pause)
    return action()


def _dry_run(wanted: bool) -> dict[str, str]:
    return {"dryRun": "All"} if wanted else {}


def _api_error(code: int, text: bytes) -> ApiError:
    try:
        status = json.loads(text)
        return ApiError(code, status.get("reason") or "", status.get("message") or "", status.get("details"))
    except (ValueError, AttributeError):
        return ApiError(code, "", text.decode(errors="replace")[:300] or f"HTTP {code}")


def _one_line(error: object) -> str:
    text = re.sub(r"<[^<>]*object at 0x[0-9a-f]+>:? ?", "", str(error))
    return " ".join(text.split())
