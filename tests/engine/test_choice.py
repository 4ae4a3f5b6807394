"""Which plugins are used: the released ones wherever they are, else the stand-ins, said in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import pulumi_plugins
from pulumi_plugins.kubernetes_provider.version import VERSION

CACHED = Path("plugins") / f"resource-kubernetes-v{VERSION}" / "pulumi-resource-kubernetes"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `cli/pulumi` and a logged-in `user`; nothing on PATH, no way out."""
    for folder in ("cli", "user", "path"):
        (tmp_path / folder).mkdir()
    executable(tmp_path / "cli" / "pulumi")
    (tmp_path / "user" / "credentials.json").write_text("{}")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(pulumi_plugins, "RELEASE_HOST", ("127.0.0.1", 9))
    return tmp_path


def executable(path: Path, size: int = 8192) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"#" * size)
    path.chmod(0o755)


def choose(machine: Path) -> tuple[dict[str, str], str]:
    return pulumi_plugins.plugin_environment(machine / "cli" / "pulumi", machine / "home")


def test_stand_ins_where_nothing_can_be_had(machine: Path) -> None:
    for _ in range(2):  # the same again
        variables, line = choose(machine)
        assert line == "Pulumi plugins: stand-in language host, stand-in Kubernetes provider."
    home = machine / "home"
    assert variables == {"PULUMI_HOME": str(home), "PULUMI_CREDENTIALS_PATH": str(machine / "user")}
    for name in ("pulumi-language-python", "pulumi-resource-kubernetes"):
        (script,) = home.glob(f"plugins/*/{name}")
        assert script.stat().st_mode & 0o100
        assert str(pulumi_plugins.BIN / name) in script.read_text()


def test_released_plugins_are_left_alone(machine: Path) -> None:
    executable(machine / "cli" / "pulumi-language-python")
    executable(machine / "user" / CACHED)
    assert choose(machine) == ({}, "Pulumi plugins: the released language host and Kubernetes provider.")
    assert not (machine / "home").exists()


def test_a_released_provider_is_lent_to_the_stand_in_s_home(machine: Path) -> None:
    executable(machine / "user" / CACHED)
    _, line = choose(machine)
    assert line == "Pulumi plugins: stand-in language host, released Kubernetes provider."
    assert (machine / "home" / CACHED).resolve() == (machine / "user" / CACHED).resolve()


def test_a_release_that_arrives_later_replaces_the_stand_in(machine: Path) -> None:
    executable(machine / "cli" / "pulumi-language-python")
    assert choose(machine)[1] == "Pulumi plugins: released language host, stand-in Kubernetes provider."
    executable(machine / "user" / CACHED)
    assert choose(machine)[0] == {}


def test_a_lent_plugin_that_is_gone_is_never_written_through(machine: Path) -> None:
    """The user removes the plugin, or its folder: the link dangles, and the stand-in takes its place."""
    theirs = machine / "user" / CACHED
    for gone in (theirs.unlink, lambda: shutil.rmtree(theirs.parent)):
        executable(theirs)
        choose(machine)
        assert (machine / "home" / CACHED).is_symlink()
        gone()
        assert choose(machine)[1].endswith("stand-in Kubernetes provider.")
        assert not theirs.exists()
        assert not (machine / "home" / CACHED).is_symlink()
