"""Where tools come from, without a network or a compiler: fake programs on PATH, archives made here."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.progress import Step
from lab.toolchain import gobuild, packages, releases, tools, versions
from lab.toolchain.versions import Release, Tool

TABLE = versions.load().tools


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, nothing on PATH, no release host, no package missing."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("KEDA_HOMELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(releases, "answers", lambda host: False)
    monkeypatch.setattr(packages, "ensure", lambda names: None)
    tools._on_path.cache_clear()


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace compiling: each tool's binary holds its own name. The list says what was built."""
    built: list[str] = []

    def build(chosen: list[Tool], into: Path, keep: object) -> None:
        for tool in chosen:
            binary = into / tool.binary
            binary.write_text(tool.name)
            keep(tool, binary)  # type: ignore[operator]
            built.append(tool.name)

    monkeypatch.setattr(gobuild, "build", build)
    return built


def program(folder: Path, name: str, answer: str) -> Path:
    file = folder / "path" / name
    file.write_text(f"#!/bin/sh\necho '{answer}'\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        ("etcd", "etcd Version: 3.6.5\nGit SHA: a061450", True),
        ("kubectl", "Client Version: v1.34.3\nKustomize Version: v5.7.1", True),
        ("kubectl", "Client Version: v1.32.0\nKustomize Version: v1.34.3", False),
        ("kubelet", "Kubernetes v1.34.30", False),
        ("helm", "v3.19.4+g7cfb6e4", True),
        ("helm", "v3.20.0", False),
        ("coredns", "CoreDNS-1.12.4\nlinux/amd64, go1.26.8", True),
        ("pulumi", "v3.250.0", True),
        ("pulumi", "v3.272.0", True),
        ("pulumi", "v3.249.0", False),
        ("pulumi", "v4.0.0", False),
        ("containerd", "containerd github.com/containerd/containerd 2.1.4", True),
        ("nats-server", "nats-server: v2.9.9", False),
        ("etcd", "not a version", False),
    ],
)
def test_a_version_fits_or_not(name: str, answer: str, expected: bool) -> None:
    assert tools.fits(TABLE[name], answer) is expected


def test_a_program_on_path_is_taken_when_its_version_fits(tmp_path: Path, builds: list[str]) -> None:
    helm = program(tmp_path, "helm", "v3.19.4+g7cfb6e4")
    assert tools.ensure(["helm"]) == {"helm": helm}
    assert builds == []


def test_another_version_on_path_is_left_alone(tmp_path: Path, builds: list[str]) -> None:
    program(tmp_path, "kubectl", "Client Version: v1.32.0")
    found = tools.ensure(["kubectl"])["kubectl"]
    assert found.read_text() == "kubectl"
    assert builds == ["kubectl"]


def test_a_program_that_hangs_on_path_is_not_waited_for(
    tmp_path: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "path" / "helm").write_text("#!/bin/sh\nread line </dev/zero\n")
    (tmp_path / "path" / "helm").chmod(0o755)
    monkeypatch.setattr(tools, "PROBE_TIMEOUT", 0.1)
    tools.ensure(["helm"])
    assert builds == ["helm"]


def test_only_what_is_missing_is_built(builds: list[str]) -> None:
    tools.ensure(["etcd"])
    tools.ensure(["etcd", "crane"])
    assert builds == ["etcd", "crane"]
    assert tools.path("etcd").name == "etcd"  # though the compiler calls it `server`


def test_what_no_lab_needs_is_got_only_by_its_name(
    builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ())
    monkeypatch.setattr(tools, "locate", lambda tool: None if tool.group else tools.Found(Path(), ""))
    monkeypatch.setattr(tools, "path", lambda name: Path(name))
    assert not {"kyverno", "conftest"} & tools.ensure().keys()
    assert "etcd" in builds
    assert not {"kyverno", "conftest"} & set(builds)
    assert tools.ensure(["kyverno"]) == {"kyverno": Path("kyverno")}
    assert builds[-1] == "kyverno"


def test_a_path_is_refused_before_the_tool_is_there() -> None:
    with pytest.raises(
        LabError, match=r"^etcd: not there yet\. Get it with `python -m lab\.toolchain\.tools etcd`\.$"
    ):
        tools.path("etcd")


def test_an_unknown_name_is_one_line_with_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"^etdc: no tool of the lab\. It has: .*\betcd\b"):
        tools.ensure(["etdc"])


def test_the_key_changes_with_what_the_binary_is_made_of(tmp_path: Path) -> None:
    etcd = TABLE["etcd"]
    assert etcd.group
    other_flags = replace(etcd, group=replace(etcd.group, flags=(*etcd.group.flags, "-race")))
    other_version = replace(etcd, version="3.6.6")
    keys = {tools.build_key(tool) for tool in (etcd, other_flags, other_version)}
    assert len(keys) == 3
    assert tools.build_key(replace(etcd)) in keys


def test_what_a_killed_run_left_is_removed_and_never_used(tmp_path: Path, builds: list[str]) -> None:
    leftover = tmp_path / "cache" / "bin" / ".partial-killed"
    leftover.mkdir(parents=True)
    (leftover / "etcd").write_text("half")
    assert tools.ensure(["etcd"])["etcd"].read_text() == "etcd"
    assert not list((tmp_path / "cache" / "bin").glob(".partial-*"))


def test_a_failed_build_leaves_the_finished_tools_and_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(chosen: list[Tool], into: Path, keep: object) -> None:
        (into / "server").write_text("etcd")
        keep(chosen[0], into / "server")  # type: ignore[operator]
        (into / "crane").write_text("half")
        raise LabError("cluster: cannot be built from source: no disk")

    monkeypatch.setattr(gobuild, "build", build)
    with pytest.raises(LabError, match="no disk"):
        tools.ensure(["etcd", "crane"])
    assert tools.path("etcd").read_text() == "etcd"
    assert [folder.name for folder in (tmp_path / "cache" / "bin").iterdir()] == [
        tools.path("etcd").parent.name
    ]


def archive(content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as file:
        member = tarfile.TarInfo("etcd-v3.6.5-linux-amd64/etcd")
        member.size = len(content)
        file.addfile(member, io.BytesIO(content))
    return target.getvalue()


def served(tmp_path: Path, content: bytes, digest: str | None = None) -> Tool:
    """etcd with a release that is a file of this machine."""
    source = tmp_path / "etcd.tar.gz"
    source.write_bytes(content)
    return replace(
        TABLE["etcd"],
        release=Release(source.as_uri(), "sha256", digest or hashlib.sha256(content).hexdigest()),
    )


def test_a_release_with_the_pinned_digest_is_installed(
    tmp_path: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLE, "etcd", served(tmp_path, archive(b"released")))
    monkeypatch.setattr(releases, "answers", lambda host: True)
    found = tools.ensure(["etcd"])["etcd"]
    assert found.read_bytes() == b"released"
    assert os.access(found, os.X_OK)
    assert builds == []
    monkeypatch.setattr(releases, "answers", lambda host: False)
    assert tools.ensure(["etcd"])["etcd"] == found  # a later run without a network still has it


def test_another_digest_is_refused_in_one_line_and_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLE, "etcd", served(tmp_path, archive(b"evil"), digest="0" * 64))
    monkeypatch.setattr(releases, "answers", lambda host: True)
    with pytest.raises(LabError) as caught:
        tools.ensure(["etcd"])
    assert "\n" not in str(caught.value)
    assert "pinned is 0000" in str(caught.value) and "not installed" in str(caught.value)
    assert not list((tmp_path / "cache" / "bin").iterdir())


def test_an_archive_without_the_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "etcd.tar.gz"
    file.write_bytes(archive(b"released"))
    with pytest.raises(LabError, match=r"^etcd\.tar\.gz: holds no etcdctl"):
        releases.unpack(file, "etcdctl", tmp_path)


def test_a_wrong_digest_is_deleted(tmp_path: Path) -> None:
    target = tmp_path / "etcd.tar.gz"
    with pytest.raises(LabError):
        releases.save(
            io.BytesIO(b"x"), target, Release("https://example.org/x", "sha256", "0" * 64), Step("x")
        )
    assert not target.exists()


def test_a_debian_tool_that_no_package_brings_says_what_to_do() -> None:
    with pytest.raises(LabError, match=r"^containerd: the package containerd brings no version 1\.6\.20"):
        tools._get([TABLE["containerd"]])


def test_without_root_the_packages_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("lab.toolchain.packages.os.geteuid", lambda: 1000)
    with pytest.raises(LabError) as caught:
        packages.ensure(["runc", "containerd"])
    assert str(caught.value) == (
        "Debian packages are missing: containerd runc. "
        "Install them as root: apt-get install --no-install-recommends containerd runc"
    )


@pytest.mark.parametrize("before", [None, "#!/bin/sh\nexit 0\n"])
def test_the_machines_policy_for_services_is_as_it_was(
    before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr(packages, "_ASIDE", tmp_path / "aside")
    monkeypatch.setattr(packages, "_LOCK", tmp_path / "lock")
    if before:
        policy.write_text(before)
    with pytest.raises(RuntimeError), packages._no_services():
        assert "exit 101" in policy.read_text()
        raise RuntimeError("the installation failed")
    assert (policy.read_text() if policy.exists() else None) == before
    assert sorted(file.name for file in tmp_path.glob("*rc.d")) == (["policy-rc.d"] if before else [])


def test_what_a_killed_installation_left_is_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, aside = tmp_path / "policy-rc.d", tmp_path / "aside"
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr(packages, "_ASIDE", aside)
    monkeypatch.setattr(packages, "_LOCK", tmp_path / "lock")
    policy.write_text(packages._NO_SERVICES)
    aside.write_text("the machine's own")
    with packages._no_services():
        assert "exit 101" in policy.read_text()
    assert policy.read_text() == "the machine's own"
    assert not aside.exists()
