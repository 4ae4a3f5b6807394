"""Container images made of the lab's binaries, under the references that upstream manifests use.

Each image is one layer in an OCI layout. All layouts share one folder of blobs, which is also the disk of the
lab's registry: a push finds the layer there already and sends the manifest only.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.files import write_atomically
from lab.node import netns
from lab.node.programs import REGISTRY
from lab.paths import Lab

_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True)
class Image:
    """What is in an image: `files` maps a path to a tool's name; `user` is numeric, for runAsNonRoot."""

    files: Mapping[str, str]
    entrypoint: Sequence[str]
    user: int = 1000
    env: Mapping[str, str] = field(default_factory=dict)


def _single(path: str, tool: str, user: int = 1000) -> Image:
    return Image({path: tool}, [path], user)


# By reference. The tags are those of versions.toml: a test holds them together.
IMAGES: dict[str, Image] = {
    "registry.k8s.io/pause:3.10": _single("/pause", "pause", 65535),
    "registry.k8s.io/coredns/coredns:v1.12.4": _single("/coredns", "coredns", 65532),
    "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.15.0": _single(
        "/kube-state-metrics", "kube-state-metrics", 65534
    ),
    "ghcr.io/kedacore/keda:2.19.0": _single("/keda", "keda-operator"),
    "ghcr.io/kedacore/keda-metrics-apiserver:2.19.0": _single("/keda-adapter", "keda-adapter"),
    "ghcr.io/kedacore/keda-admission-webhooks:2.19.0": _single("/keda-admission-webhooks", "keda-webhooks"),
    "quay.io/prometheus-operator/prometheus-operator:v0.85.0": _single(
        "/bin/operator", "prometheus-operator", 65534
    ),
    "quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0": _single(
        "/bin/prometheus-config-reloader", "prometheus-config-reloader", 65534
    ),
    "quay.io/prometheus/prometheus:v3.10.0": _single("/bin/prometheus", "prometheus", 65534),
    "docker.io/library/nats:2.9.10": _single("/nats-server", "nats-server"),
    "docker.io/natsio/prometheus-nats-exporter:0.12.0": _single(
        "/prometheus-nats-exporter", "prometheus-nats-exporter"
    ),
    "docker.io/envoyproxy/envoy:distroless-v1.40.0": _single("/usr/local/bin/envoy", "envoy", 65532),
    "ghcr.io/keda-homelab/fleet:dev": _single("/fleet", "fleet"),
}

ON_DEMAND: dict[str, Image] = {
    "quay.io/prometheus/alertmanager:v0.28.1": _single("/bin/alertmanager", "alertmanager", 65534),
    "registry.k8s.io/metrics-server/metrics-server:v0.7.2": _single("/metrics-server", "metrics-server"),
    "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0": _single(
        "/adapter", "prometheus-adapter"
    ),
    "ghcr.io/fluxcd/source-controller:v1.9.6": _single("/source-controller", "source-controller", 65534),
    "ghcr.io/fluxcd/kustomize-controller:v1.9.6": _single(
        "/kustomize-controller", "kustomize-controller", 65534
    ),
    "ghcr.io/fluxcd/helm-controller:v1.6.4": _single("/helm-controller", "helm-controller", 65534),
}
"""Images that no lab needs, of tools that are `extra` in versions.toml."""


def build_all(
    lab: Lab,
    tools: Mapping[str, Path],
    update: Callable[[str], None],
) -> None:
    """Build the images whose tools are there and push them to the lab's registry, which must be serving.

    Unchanged binaries are not packed again. Raises LabError when the registry refuses an image.
    """
    for reference, image in IMAGES.items():
        update(reference)
        push(lab, layout(lab, reference, image, tools), reference, tools["crane"])
    _drop_unused_blobs(lab)


def add(lab: Lab, tools: Mapping[str, Path], reference: str) -> None:
    """Build one image of ON_DEMAND and push it to the lab's registry.

    Raises LabError when the registry refuses it.
    """
    push(lab, layout(lab, reference, ON_DEMAND[reference], tools), reference, tools["crane"])


def layout(lab: Lab, reference: str, image: Image, tools: Mapping[str, Path]) -> Path:
    """The OCI layout of an image, packed when its files are not those it was packed from."""
    root = lab.root / "images"
    folder = root / re.sub(r"[^a-zA-Z0-9.-]+", "_", reference)
    sources = {path: tools[tool].resolve() for path, tool in image.files.items()}
    stats = {
        path: (str(file), file.stat().st_size, file.stat().st_mtime_ns) for path, file in sources.items()
    }
    key = hashlib.sha256(repr((image, sorted(stats.items()))).encode()).hexdigest()
    index, stamp = folder / "index.json", folder / "packed-from"
    if index.exists() and stamp.exists() and stamp.read_text() == key:
        return folder
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    stamp.unlink(missing_ok=True)
    (folder / "blobs").unlink(missing_ok=True)
    (folder / "blobs").symlink_to("../blobs")
    layer = _pack(blobs, sources)
    config = write_blob(blobs, _CONFIG, _image_config(image, layer["digest"]))
    manifest = write_blob(
        blobs,
        _MANIFEST,
        {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": [layer]},
    )
    write_atomically(folder / "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}))
    write_atomically(index, json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    write_atomically(stamp, key)
    return folder


def repository(reference: str) -> str:
    """Where a mirror looks for an image: its reference without the registry's name."""
    return reference.partition("/")[2]


def libraries(binary: Path) -> list[Path]:
    """The shared libraries (and the loader) of a dynamic binary, none for a static one."""
    listing = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    if listing.returncode:
        return []
    return [Path(found) for found in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", listing.stdout, re.MULTILINE)]


def _image_config(image: Image, layer: str) -> dict[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": str(image.user),
            "Entrypoint": list(image.entrypoint),
            "Env": [
                "PATH=/usr/local/bin:/usr/bin:/bin",
                *(f"{name}={value}" for name, value in image.env.items()),
            ],
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    }


def _pack(blobs: Path, sources: Mapping[str, Path]) -> dict[str, Any]:
    """Write the layer: the binaries, what a dynamic one links, and the few files that programs look for.

    Not compressed: it only ever moves within this machine.
    """
    half = blobs / ".layer.half"
    with half.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, source in sources.items():
            _add(tar, path, source, 0o755)
        for library in sorted({found for source in sources.values() for found in libraries(source)}):
            _add(tar, str(library), library.resolve(), 0o755)
        if _AUTHORITIES.exists():
            _add(tar, str(_AUTHORITIES), _AUTHORITIES.resolve(), 0o644)
        _add_text(tar, "/etc/passwd", "root:x:0:0::/:/\nnobody:x:65534:65534::/:/\nuser:x:1000:1000::/:/\n")
        _add_text(tar, "/etc/nsswitch.conf", "hosts: files dns\n")
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)
    with half.open("rb") as packed:
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
    size = half.stat().st_size
    half.rename(blobs / digest)
    return {"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": size}


def _add(tar: tarfile.TarFile, path: str, source: Path, mode: int) -> None:
    # No times and owners: equal binaries give an equal layer.
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = source.stat().st_size, mode
    with source.open("rb") as file:
        tar.addfile(entry, file)


def _add_text(tar: tarfile.TarFile, path: str, text: str) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(text), 0o644
    tar.addfile(entry, io.BytesIO(text.encode()))


def write_blob(blobs: Path, media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Write a JSON document into a layout's folder of blobs; its descriptor."""
    text = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    write_atomically(blobs / digest, text)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(text)}


def push(lab: Lab, folder: Path, reference: str, crane: Path) -> None:
    """Push an OCI layout to the lab's registry. Raises LabError when the registry refuses it."""
    command = [str(crane), "push", str(folder), f"{REGISTRY}/{repository(reference)}", "--insecure"]
    done = subprocess.run([*netns.inside(lab), *command], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LabError(f"image {reference}: the lab's registry refuses it: {reason}")


def _drop_unused_blobs(lab: Lab) -> None:
    """Delete large layers of earlier builds; small blobs may be a chart that someone pushed."""
    root = lab.root / "images"
    used = {digest for index in root.glob("*/index.json") for digest in _digests(root, index)}
    for blob in (root / "blobs" / "sha256").iterdir():
        if blob.name not in used and blob.stat().st_size > 1_000_000:
            blob.unlink()


def _digests(root: Path, index: Path) -> Iterable[str]:
    for manifest in json.loads(index.read_text())["manifests"]:
        digest = manifest["digest"].removeprefix("sha256:")
        content = json.loads((root / "blobs" / "sha256" / digest).read_text())
        yield digest
        yield content["config"]["digest"].removeprefix("sha256:")
        yield from (layer["digest"].removeprefix("sha256:") for layer in content["layers"])
