"""Flux in a lab: the stack rendered, pushed as an OCI artifact, reconciled, and what it made of it."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli import stackfile, targets
from lab.chart_source import REPOSITORY
from lab.node import images
from lab.node.programs import REGISTRY
from lab.paths import Lab
from tests.live.cluster import MERGE, Cluster, wait

NAMESPACE = "flux-system"
KUSTOMIZATIONS = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations"
SOURCES = "/apis/source.toolkit.fluxcd.io/v1/namespaces"
RELEASE = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/keda/helmreleases/keda"
NAME = "homelab"  # of the source and of the Kustomization that applies the tree
ARTIFACT = "lab/homelab/cluster:latest"
ASKED = "reconcile.fluxcd.io/requestedAt"
# What `flux push artifact` writes (fluxcd/pkg oci/meta.go).
_CONFIG = "application/vnd.cncf.flux.config.v1+json"
_CONTENT = "application/vnd.cncf.flux.content.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# What a user adds to the tree: its source, and the Kustomization of docs/gitops.md.
SYNC = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "OCIRepository",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {
                "interval": "1h",
                "url": f"oci://{REGISTRY}/{images.repository(ARTIFACT).partition(':')[0]}",
                "ref": {"tag": "latest"},
            },
        },
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {
                "interval": "1h",
                "path": ".",
                "prune": True,
                "wait": True,
                "timeout": "15m",
                "deletionPolicy": "WaitForTermination",
                "sourceRef": {"kind": "OCIRepository", "name": NAME},
            },
        },
    ],
}
SETTINGS: Mapping[str, Any] = {
    "keda-homelab:keda.chart": f"oci://{REGISTRY}/{REPOSITORY}/keda",
    "keda-homelab:gitops": {"path": ".", "source": {"kind": "OCIRepository", "name": NAME}},
    **targets.LAB_OVERRIDES,
}


@dataclass(frozen=True)
class Flux:
    """Flux in one lab.

    Attributes:
        lab: the lab.
        cluster: its API server.
        folder: where the tree is rendered.
        settings: what differs from Pulumi.homelab.yaml.
        environment: variables of the command that renders.
    """

    lab: Lab
    cluster: Cluster
    folder: Path
    settings: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def tree(self) -> Path:
        """The folder that is pushed."""
        return self.folder / "tree"

    def render(self, changes: Mapping[str, Any] | None = None) -> str:
        """`make render` with more changes of the stack file; its output."""
        file = self.folder / "Pulumi.flux.yaml"
        overrides = copy.deepcopy(
            {**SETTINGS, **self.settings, **(changes or {})}
        )  # they are merged in place
        stackfile.write_copy(file, overrides)
        done = subprocess.run(
            [sys.executable, "-m", "cli", "render", "--from", file, "--out", self.tree],
            cwd=stackfile.PROJECT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def push(self) -> str:
        """Pushes the tree into the lab's registry; the revision that Flux gives it."""
        crane = Path(targets.lab_record(self.lab)["tools"]["crane"])
        digest = push(self.lab, crane, self.tree, ARTIFACT)
        return f"latest@{digest}"

    def sync(self) -> str:
        """Pushes the tree and has Flux look at once; the revision."""
        revision = self.push()
        targets.lab_kubectl(self.lab).call(
            "apply", "--server-side", "--field-manager=test", "-f", "-", stdin=json.dumps(SYNC)
        )
        self.ask(f"{SOURCES}/{NAMESPACE}/ocirepositories/{NAME}")
        return revision

    def ask(self, path: str) -> str:
        """Asks for a reconciliation, as `flux reconcile` does; the request's name."""
        token = str(time.time_ns())
        self.cluster.request("PATCH", path, {"metadata": {"annotations": {ASKED: token}}}, MERGE)
        return token

    def kustomizations(self) -> dict[str, dict[str, Any]]:
        """Every Kustomization by its name."""
        return {
            item["metadata"]["name"]: item for item in self.cluster.request("GET", KUSTOMIZATIONS)["items"]
        }

    def ready(self, name: str) -> tuple[str, str, str]:
        """(status, reason, message) of the condition Ready of a Kustomization."""
        return ready(self.kustomizations().get(name))

    def late(self, revision: str) -> dict[str, tuple[str, str, str]]:
        """The Kustomizations that have not applied this revision or are not Ready, and those to be pruned."""
        files = (self.tree / "flux").glob("*.yaml")
        wanted = {yaml.safe_load(file.read_text())["metadata"]["name"] for file in files} | {NAME}
        there = self.kustomizations()
        well = {
            name
            for name in wanted & there.keys()
            if ready(there[name])[0] == "True"
            and there[name]["status"].get("lastAppliedRevision") == revision
        }
        return {name: ready(there.get(name)) for name in sorted((wanted | there.keys()) - well)}

    def await_revision(self, revision: str, seconds: float = 300) -> None:
        """Waits until every layer of a revision is applied and Ready."""
        deadline = time.monotonic() + seconds
        while late := self.late(revision):
            assert time.monotonic() < deadline, f"not Ready within {seconds:.0f} s: {late}"
            time.sleep(1)

    def reconcile(self, seconds: float = 180) -> None:
        """Has every source, release and Kustomization reconciled once more, and waits for it."""
        paths = [
            f"{SOURCES}/{NAMESPACE}/ocirepositories/{NAME}",
            f"{SOURCES}/keda/ocirepositories/keda",
            RELEASE,
            *(f"{KUSTOMIZATIONS}/{name}" for name in self.kustomizations()),
        ]
        for path in paths:
            token = self.ask(path)

            def done(path: str = path, token: str = token) -> bool:
                found = self.cluster.get(path)
                handled = (found.get("status") or {}).get("lastHandledReconcileAt") == token
                return handled and ready(found)[0] == "True"

            wait(f"{path} reconciled", seconds, done)


def ready(item: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """(status, reason, message) of an object's condition Ready; absent without it, or if it is of another
    generation."""
    status = (item or {}).get("status") or {}
    for each in status.get("conditions") or []:
        if each["type"] == "Ready":
            current = each.get("observedGeneration") in (None, item["metadata"]["generation"])  # type: ignore[index]
            return each["status"] if current else "absent", each["reason"], each["message"]
    return "absent", "", ""


def push(lab: Lab, crane: Path, tree: Path, reference: str) -> str:
    """Pushes a folder as an artifact of Flux's; its digest."""
    with tempfile.TemporaryDirectory() as scratch:
        layout = Path(scratch)
        blobs = layout / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        content = _packed(tree)
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        layer = {"mediaType": _CONTENT, "digest": f"sha256:{digest}", "size": len(content)}
        config = images.write_blob(blobs, _CONFIG, {})
        body = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": [layer]}
        manifest = images.write_blob(blobs, _MANIFEST, body)
        (layout / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
        images.push(lab, layout, reference, crane)
        return str(manifest["digest"])


def pulled(port: int, digest: str) -> dict[str, bytes]:
    """The files of an artifact, as the registry on a loopback port gives them."""
    base = f"http://127.0.0.1:{port}/v2/{images.repository(ARTIFACT).partition(':')[0]}"
    with urllib.request.urlopen(f"{base}/manifests/{digest}", timeout=20) as answer:
        [layer] = json.load(answer)["layers"]
    with urllib.request.urlopen(f"{base}/blobs/{layer['digest']}", timeout=20) as answer:
        content = answer.read()
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        return {
            member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar if member.isfile()
        }


def _packed(tree: Path) -> bytes:
    """The same files give the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in sorted(tree.rglob("*")):
            if file.is_file():
                entry = tarfile.TarInfo(file.relative_to(tree).as_posix())
                entry.size, entry.mode = file.stat().st_size, 0o644
                tar.addfile(entry, io.BytesIO(file.read_bytes()))
    return gzip.compress(packed.getvalue(), mtime=0)
