"""Images from binaries: an OCI layout that says what is in it, made again only when the binaries change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lab.node import images
from lab.node.images import IMAGES, ON_DEMAND, Image
from lab.paths import Lab
from lab.toolchain import versions

IMAGE = Image({"/bin/tool": "tool"}, ["/bin/tool"], 1234, {"HOME": "/tmp"})


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path / "state"))
    return Lab("unit")


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A static program, or what passes for one."""
    path = tmp_path / "tool"
    path.write_bytes(b"binary")
    return path


def build(lab: Lab, tool: Path) -> Path:
    return images.layout(lab, "example.org/a/tool:1", IMAGE, {"tool": tool})


def blob(folder: Path, descriptor: dict[str, Any]) -> Path:
    digest: str = descriptor["digest"]
    return folder / "blobs" / digest.replace(":", "/")


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(folder, index["manifests"][0]).read_text())
    return manifest, json.loads(blob(folder, manifest["config"]).read_text())


def test_every_blob_is_what_its_descriptor_says(lab: Lab, tool: Path) -> None:
    folder = build(lab, tool)
    index = json.loads((folder / "index.json").read_text())
    manifest, config = read(folder)
    for descriptor in (index["manifests"][0], manifest["config"], *manifest["layers"]):
        content = blob(folder, descriptor).read_bytes()
        assert descriptor["size"] == len(content)
        assert descriptor["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    # An unpacked layer's digest is the layer's own, since it is not compressed.
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]


def test_the_image_runs_as_a_numeric_user(lab: Lab, tool: Path) -> None:
    _, config = read(build(lab, tool))
    assert config["config"]["User"] == "1234"
    assert config["config"]["Entrypoint"] == ["/bin/tool"]
    assert "HOME=/tmp" in config["config"]["Env"]
    assert all(image.user > 0 for image in (IMAGES | ON_DEMAND).values())


def test_the_layer_holds_the_program_and_what_it_looks_for(lab: Lab, tool: Path) -> None:
    folder = build(lab, tool)
    with tarfile.open(blob(folder, read(folder)[0]["layers"][0])) as tar:
        members = {member.name: member for member in tar.getmembers()}
        assert members["bin/tool"].mode & 0o111
        assert (tar.extractfile("bin/tool") or pytest.fail()).read() == b"binary"
        assert members["tmp"].mode == 0o1777
        assert "etc/passwd" in members


def test_a_dynamic_program_brings_its_loader_and_libraries() -> None:
    found = {path.name for path in images.libraries(Path(shutil.which("tar") or pytest.fail()))}
    assert {"libc.so.6"} < found
    assert any(name.startswith("ld-") for name in found)


def test_a_script_needs_no_libraries(tool: Path) -> None:
    assert images.libraries(tool) == []


def test_equal_binaries_give_an_equal_image(lab: Lab, tool: Path) -> None:
    before = read(build(lab, tool))
    os.utime(tool, (1, 1))
    assert read(build(lab, tool)) == before


def test_a_changed_binary_is_packed_again_and_an_unchanged_one_is_not(lab: Lab, tool: Path) -> None:
    folder = build(lab, tool)
    before = (folder / "index.json").stat().st_mtime_ns, read(folder)
    build(lab, tool)
    assert ((folder / "index.json").stat().st_mtime_ns, read(folder)) == before
    tool.write_bytes(b"other")
    assert read(build(lab, tool)) != before[1]


def test_a_half_written_layout_is_packed_again(lab: Lab, tool: Path) -> None:
    folder = build(lab, tool)
    (folder / "index.json").unlink()
    read(build(lab, tool))


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("ghcr.io/kedacore/keda:2.19.0", "kedacore/keda:2.19.0"),
        ("docker.io/library/nats:2.9.10", "library/nats:2.9.10"),
        ("registry.k8s.io/pause:3.10", "pause:3.10"),
    ],
)
def test_a_mirror_is_asked_without_the_registrys_name(reference: str, repository: str) -> None:
    assert images.repository(reference) == repository


def test_tags_are_the_versions_of_the_tools() -> None:
    tools = versions.load().tools
    for reference, image in (IMAGES | ON_DEMAND).items():
        tag = reference.rpartition(":")[2].removeprefix("distroless-").removeprefix("v")
        for tool in image.files.values():
            if tool in tools:
                assert tools[tool].version == tag, reference
