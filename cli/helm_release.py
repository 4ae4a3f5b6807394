"""A Helm release as Helm 3 stores it, and its manifest with the objects of a kind kept.

`helm uninstall` deletes what the newest stored manifest holds, and looks for `helm.sh/resource-policy: keep`
in that manifest only, never on the live object (pkg/action/uninstall.go, resource_policy.go). `helm upgrade`
and `rollback` look at the live object (pkg/kube/client.go, `update`). So both must carry the annotation.

A release is JSON, gzipped, in base64, under the key `release` of a Secret (which adds its own base64) or of a
ConfigMap (pkg/storage/driver: util.go, secrets.go, cfgmaps.go).
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from cli.errors import CommandError
from cli.fields import title
from cli.kubectl import Kubectl
from keda.manifests.installer import STORED

Object = dict[str, Any]

POLICY, KEEP = "helm.sh/resource-policy", "keep"
CRD = "CustomResourceDefinition"
# pkg/releaseutil/manifest.go
_SEPARATOR = re.compile(r"((?:^|\s*\n)---\s*)")


@dataclass(frozen=True)
class StoredRelease:
    """One revision of a release.

    Attributes:
        item: the Secret or ConfigMap that holds it.
        data: `name`, `namespace`, `version` (the revision), `info`, `chart`, `config`, `manifest`.
    """

    item: Object
    data: Object

    @classmethod
    def of(cls, item: Object) -> StoredRelease:
        """Reads a Secret or ConfigMap labelled `owner=helm`.

        Raises:
            ValueError: it holds no release that Helm 3 could read.
        """
        try:
            text = str(item["data"]["release"])
            if item["kind"] == "Secret":
                text = base64.b64decode(text).decode()
            raw = base64.b64decode(text)
            data = json.loads(gzip.decompress(raw) if raw.startswith(b"\x1f\x8b\x08") else raw)
            found = cls(item, data)
            found.chart, found.revision, found.status, found.manifest, found.namespace  # noqa: B018
        except (
            KeyError,
            TypeError,
            binascii.Error,
            OSError,
            EOFError,
            UnicodeDecodeError,
            ValueError,
        ) as error:
            raise ValueError(f"no release of Helm's: {type(error).__name__}") from None
        return found

    @property
    def name(self) -> str:
        """The release's name."""
        return str(self.data["name"])

    @property
    def namespace(self) -> str:
        """Where its objects are; the Secret may be elsewhere if Flux stores it."""
        return str(self.data["namespace"])

    @property
    def revision(self) -> int:
        """Counted from 1; the highest is the current one."""
        return int(self.data["version"])

    @property
    def status(self) -> str:
        """`deployed`, `superseded`, `failed`, `pending-upgrade`, … (pkg/release/status.go)."""
        return str(self.data["info"]["status"])

    @property
    def chart(self) -> Mapping[str, Any]:
        """The chart's metadata: `name`, `version`, `appVersion`."""
        found: Mapping[str, Any] = self.data["chart"]["metadata"]
        return found

    @property
    def values(self) -> Mapping[str, Any]:
        """The values a person gave; may hold secrets."""
        return self.data.get("config") or {}

    @property
    def manifest(self) -> str:
        """The rendered objects, as YAML."""
        return str(self.data["manifest"])

    def objects(self) -> list[Object]:
        """The objects of the manifest."""
        return [each for each in map(_parsed, _SEPARATOR.split(self.manifest)[::2]) if each]

    def keeping(self, kind: str = CRD, name: str = "") -> Object | None:
        """The Secret or ConfigMap with the manifest of `keep`; None if it has that already."""
        manifest = keep(self.manifest, kind, name)
        if manifest == self.manifest:
            return None
        raw = gzip.compress(json.dumps({**self.data, "manifest": manifest}).encode(), mtime=0)
        text = base64.b64encode(raw).decode()
        if self.item["kind"] == "Secret":
            text = base64.b64encode(text.encode()).decode()
        return {**self.item, "data": {**self.item["data"], "release": text}}


def stored(kubectl: Kubectl, name: str, namespace: str) -> list[StoredRelease]:
    """The stored revisions of a release, the newest last.

    Raises:
        CommandError: the cluster does not answer, or one cannot be read.
    """
    found = [
        _read(item)
        for kind in ("secrets", "configmaps")
        for item in kubectl.items(kind, "--all-namespaces", "-l", f"{STORED},name={name}")
    ]
    ours = [each for each in found if (each.name, each.namespace) == (name, namespace)]
    return sorted(ours, key=lambda each: each.revision)


def keep(manifest: str, kind: str = CRD, name: str = "") -> str:
    """A release's manifest with `helm.sh/resource-policy: keep` on the objects of a kind, or on the one with
    that name. The rest is as it was.
    """
    return "".join(_kept(part, kind, name) for part in _SEPARATOR.split(manifest))


def _read(item: Object) -> StoredRelease:
    try:
        return StoredRelease.of(item)
    except ValueError as error:
        raise CommandError(
            f"{title(item)}: {error}. Its objects cannot be kept, and `helm uninstall` could still delete "
            "them. Delete it if `helm history` does not list it."
        ) from None


def _kept(document: str, kind: str, name: str) -> str:
    parsed = _parsed(document)
    if not parsed or parsed.get("kind") != kind or _policy(parsed) == KEEP:
        return document
    if name and parsed["metadata"].get("name") != name:
        return document
    annotations = {**(parsed["metadata"].get("annotations") or {}), POLICY: KEEP}
    annotated = {**parsed, "metadata": {**parsed["metadata"], "annotations": annotations}}
    # A line in the text, so that nothing else changes; JSON, which is YAML, where the layout is another.
    text = _inserted(document)
    return text if _parsed(text) == annotated else json.dumps(annotated)


def _inserted(document: str) -> str:
    line = f"{POLICY}: {KEEP}\n"
    with_annotations = re.compile(r"(?m)^(metadata:[ ]*\n(?:[ ]+.*\n)*?([ ]+)annotations:[ ]*\n)(?=([ ]+))")
    if found := with_annotations.search(document):
        return document[: found.end()] + found[3] + line + document[found.end() :]
    if found := re.search(r"(?m)^metadata:[ ]*\n(?=([ ]+))", document):
        indent = found[1]
        added = f"{indent}annotations:\n{indent}  {line}"
        return document[: found.end()] + added + document[found.end() :]
    return document


def _policy(parsed: Mapping[str, Any]) -> str:
    return str((parsed["metadata"].get("annotations") or {}).get(POLICY, "")).strip().lower()


def _parsed(document: str) -> Object | None:
    try:
        found = yaml.load(document, yaml.CSafeLoader)  # noqa: S506 (it is the safe one)
    except yaml.YAMLError:
        return None
    return found if isinstance(found, dict) else None
