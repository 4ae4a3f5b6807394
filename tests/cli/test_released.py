"""On a cluster of one's own only Pulumi's released parts are used; each missing one is one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli import released
from cli.errors import CommandError
from pulumi_plugins import LANGUAGE, PROVIDER
from pulumi_plugins.kubernetes_provider.version import VERSION
from tests.cli.test_clusters import program

BINARY = "exit 1\n" + "#" * 5000
"""A plugin as it is released is a program of many megabytes; the lab's stand-ins are scripts of two lines."""
CLI = 'case "$1" in version) echo v3.260.1;; *) exit 1;; esac'


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return folder


def refused(match: str) -> None:
    with pytest.raises(CommandError, match=match) as error:
        released.pulumi()
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("which are made for the lab.")


def test_no_cli(bin_folder: Path) -> None:
    refused(r"^pulumi: the CLI is not on PATH, .* STANDIN=1 runs with the lab's stand-ins instead, ")


@pytest.mark.parametrize("version", ["v3.100.0", "v4.0.0", "", "dev"])
def test_a_cli_of_another_version(bin_folder: Path, version: str) -> None:
    program(bin_folder / "pulumi", f"echo {version}")
    refused(r"^pulumi: .* is not 3\.250\.0 or a later 3\.x, ")


def test_no_language_host(bin_folder: Path) -> None:
    program(bin_folder / "pulumi", CLI)
    refused(r"^pulumi-language-python: is not beside .* and not on PATH")


def test_a_stand_in_on_path_is_no_language_host(bin_folder: Path) -> None:
    program(bin_folder / "pulumi", CLI)
    program(bin_folder / LANGUAGE, 'exec python stand-in "$@"')
    refused(r"^pulumi-language-python: ")


def test_a_provider_that_cannot_be_downloaded(bin_folder: Path) -> None:
    program(bin_folder / "pulumi", CLI)
    program(bin_folder / LANGUAGE, BINARY)
    refused(rf"^pulumi-resource-kubernetes: version {VERSION} is not there and could not be downloaded")


@pytest.mark.parametrize("place", ["path", "cache", "download"])
def test_all_three(bin_folder: Path, tmp_path: Path, place: str) -> None:
    cache = tmp_path / "home" / "plugins" / f"resource-kubernetes-v{VERSION}" / PROVIDER
    program(bin_folder / LANGUAGE, BINARY)
    program(bin_folder / "pulumi", CLI)
    if place == "path":
        program(bin_folder / PROVIDER, BINARY)
    elif place == "cache":
        cache.parent.mkdir(parents=True)
        program(cache, BINARY)
    else:
        program(bin_folder / PROVIDER, "stand-in")
        source = program(tmp_path / "provider", BINARY)
        fetch = (
            f'[ "$1" = version ] && echo v3.250.0 || {{ mkdir -p {cache.parent} && cp {source} {cache}; }}'
        )
        program(bin_folder / "pulumi", fetch)
    assert released.pulumi() == bin_folder / "pulumi"


def test_a_language_host_beside_the_cli_behind_a_link(bin_folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "pulumi" / "bin"
    home.mkdir(parents=True)
    (bin_folder / "pulumi").symlink_to(program(home / "pulumi", CLI))
    program(home / LANGUAGE, BINARY)
    program(bin_folder / PROVIDER, BINARY)
    assert released.pulumi() == bin_folder / "pulumi"
