"""The typed form of `versions.toml`: which version of each tool the lab uses and where it may come from."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Release:
    """An official archive with a pinned digest."""

    url: str
    algorithm: str  # as hashlib names it
    digest: str

    @property
    def host(self) -> str:
        """With its port, if it has one."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class Group:
    """Tools of one Go module, built together: what they share is compiled once."""

    name: str
    seconds: int  # a cold build on 2 cores, downloads included: shown, and never waited for
    flags: tuple[str, ...]
    after: str = ""  # a group with which this one shares most packages: it is built first

    @property
    def module(self) -> Path:
        """The folder of go.mod and go.sum."""
        return HERE / "go" / self.name


@dataclass(frozen=True)
class Tool:
    """One tool. Exactly one of `group`, `debian` and `wheel` is where it comes from at last."""

    name: str
    version: str
    probe: tuple[str, ...] = ()  # arguments that make it print its version; empty: PATH is not searched
    newer: bool = False  # a later version of the same major one fits too
    extra: bool = False  # got by name only
    release: Release | None = None
    group: Group | None = None
    module: str = ""
    module_version: str = ""  # where the module is numbered another way than the tool
    package: str = ""
    binary: str = ""  # the name `go build` gives it
    debian: str = ""
    wheel: str = ""
    data: tuple[str, ...] = ()  # files of its module that the lab reads at run time


@dataclass(frozen=True)
class Versions:
    """The whole table."""

    tools: dict[str, Tool]
    groups: dict[str, Group]  # in the order in which they are built
    flags: tuple[str, ...]  # what every `go build` of the lab gets, so that it finds compiled packages
    debian: dict[str, list[str]]  # package: all files of it that a lab uses, as patterns
    go_minimum: str
    go_wheel: str


@cache
def load(file: Path = HERE / "versions.toml") -> Versions:
    """Read the table; releases are those for this machine's processor.

    Raises KeyError or TypeError for a table that does not fit: a mistake in the repository, not a user's.
    """
    table = tomllib.loads(file.read_text())
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    build = table["build"]
    # The last pattern that matches a package decides its flags.
    inlined = [f"-gcflags={pattern}=-dwarf=false" for pattern in build["inlined"]]
    flags = (*build["flags"], *inlined)
    groups = {name: _group(name, entry, flags, build["ldflags"]) for name, entry in table["groups"].items()}
    tools = {
        name: _tool(name, dict(entry), table, groups, architecture) for name, entry in table["tools"].items()
    }
    go = table["go"]
    common = (*flags, "-ldflags=" + " ".join(build["ldflags"]))
    return Versions(tools, groups, common, table["debian"], go["minimum"], go["wheel"])


def _group(name: str, entry: dict[str, Any], flags: tuple[str, ...], ldflags: list[str]) -> Group:
    ldflags = [*ldflags, *(f"-X={stamp}" for stamp in entry["stamps"])]
    tags = [f"-tags={','.join(entry['tags'])}"] if "tags" in entry else []
    flags = (*flags, *tags, "-ldflags=" + " ".join(ldflags))
    return Group(name, entry["seconds"], flags, entry.get("after", ""))


def _tool(
    name: str, entry: dict[str, Any], table: dict[str, Any], groups: dict[str, Group], architecture: str
) -> Tool:
    release = table["releases"].get(entry.pop("release", ""), {}).get(architecture)
    return Tool(
        name=name,
        probe=tuple(entry.pop("probe", ())),
        group=groups[entry.pop("group")] if "group" in entry else None,
        release=_release(release) if release else None,
        binary=entry.pop("binary", name),
        data=tuple(table["data"].get(name, {}).get("paths", ())),
        **entry,
    )


def _release(entry: dict[str, str]) -> Release:
    algorithm = next(key for key in entry if key.startswith("sha"))
    return Release(entry["url"], algorithm, entry[algorithm])
