"""What a machine is told of its network, carried over to a root file system: sources, proxies, certificates.

Only what package managers need to reach their registries; nothing of it is shown.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")
# Variables that pip, Go, git and curl read: where registries are, through which proxy, whom to trust.
VARIABLES = re.compile(
    r"(https?|all|no)_proxy|pip_\w+|go(proxy|sumdb|nosumdb|noproxy|private|insecure)"
    r"|ssl_cert_(file|dir)|(requests|curl)_ca_bundle|git_ssl_cainfo",
    re.IGNORECASE,
)
# Files of the machine, and of the user who runs this; the latter are for every user in there.
FILES = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt")
USER_FILES = (".config/pip/pip.conf", ".config/go/env")
HOMES = ("root", "home/user")


def environment() -> dict[str, str]:
    """The variables that are carried over."""
    return {name: value for name, value in os.environ.items() if VARIABLES.fullmatch(name)}


def carry_configuration(root: Path) -> None:
    """Copies the files into `root`, and those that a variable names."""
    named = [value.lstrip("/") for value in environment().values() if value.startswith("/")]
    for name in (*FILES, *named):
        _copy(Path("/") / name, root / name)
    for name in USER_FILES:
        for home in HOMES:
            _copy(Path.home() / name, root / home / name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # What is there already stays, links too.
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "--archive", "--no-clobber", f"{source}/.", target], check=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a link of the root file system's own
        shutil.copyfile(source, target)


@dataclass(frozen=True)
class Source:
    """An entry of sources.list(5)."""

    uris: str
    suites: tuple[str, ...]
    components: str
    signed_by: str = ""

    def stanza(self) -> str:
        lines = [f"Types: deb\nURIs: {self.uris}\nSuites: {' '.join(self.suites)}"]
        lines += [f"Components: {self.components}"]
        lines += [f"Signed-By: {self.signed_by}"] if self.signed_by else []
        return "\n".join(lines) + "\n"


def apt_sources(suite: str, apt: Path = APT, release: Path = Path("/etc/os-release")) -> str:
    """The machine's own sources of Debian, for another suite; empty on another distribution."""
    found = re.search(r"^VERSION_CODENAME=(\w+)$", release.read_text(), re.MULTILINE)
    if not found:
        return ""
    own = {f"{found[1]}{part}": f"{suite}{part}" for part in ("", "-updates", "-security")}
    stanzas = []
    for source in _sources(apt):
        suites = tuple(own[name] for name in source.suites if name in own)
        # Others' repositories use Debian's code names too, with other components.
        if suites and "main" in source.components.split():
            stanzas.append(Source(source.uris, suites, "main", source.signed_by).stanza())
    return "\n".join(stanzas)


def _sources(apt: Path) -> Iterator[Source]:
    for file in sorted([apt / "sources.list", *apt.glob("sources.list.d/*.list")]):
        for line in file.read_text().splitlines() if file.exists() else []:
            entry = re.fullmatch(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)(#.*)?", line.strip())
            if entry:
                signed = re.search(r"signed-by=(\S+)", entry[1] or "")
                yield Source(entry[2], (entry[3],), entry[4].strip(), signed[1] if signed else "")
    for file in sorted(apt.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text()):
            lines = [line for line in stanza.splitlines() if not line.startswith("#")]
            fields = {
                key.strip().lower(): value.strip()
                for key, colon, value in (line.partition(":") for line in lines)
                if colon and not key.startswith((" ", "\t"))
            }
            if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
                suites = tuple(fields.get("suites", "").split())
                yield Source(
                    fields.get("uris", ""), suites, fields.get("components", ""), fields.get("signed-by", "")
                )


def apt_options() -> str:
    """The machine's way to download packages (proxies, checks), as an apt.conf."""
    done = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False)
    return done.stdout


def without_addresses(text: str) -> str:
    """A message that may be shown: registries' addresses are the machine's own."""
    return re.sub(r"https?://\S+", "<address>", text)
