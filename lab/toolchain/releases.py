"""Official releases: downloaded, compared with a pinned digest, unpacked."""

from __future__ import annotations

import functools
import hashlib
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from lab.errors import LabError
from lab.progress import Step, show, step
from lab.toolchain.versions import Release, Tool

PROBE_TIMEOUT = 5.0  # seconds: a host that is slower than that to greet would not be faster than a build
READ_TIMEOUT = 60.0  # seconds without a byte


@functools.cache
def answers(host: str) -> bool:
    """Whether a release host can be reached. Tried once per host and run; a refusal is final, and shown."""
    try:
        urllib.request.urlopen(
            urllib.request.Request(f"https://{host}/", method="HEAD"), timeout=PROBE_TIMEOUT
        ).close()
    except urllib.error.HTTPError:
        return True  # it answers over HTTP; the status of its root page does not matter
    except OSError:
        show(f"{host} does not answer: no official releases from it in this run")
        return False
    return True


def fetch(release: Release, tools: Iterable[Tool], into: Path) -> dict[str, Path]:
    """Download a release and unpack the binaries of `tools` into the folder `into`.

    Raises LabError when the digest is another one, the download breaks off or a binary is not in the archive.
    """
    chosen = list(tools)
    archive = into / PurePosixPath(release.url).name
    with step(f"{archive.name} ({', '.join(tool.name for tool in chosen)})") as progress:
        try:
            with urllib.request.urlopen(release.url, timeout=READ_TIMEOUT) as response:
                save(response, archive, release, progress)
        except OSError as error:
            raise LabError(f"{release.url}: the download broke off ({error}). Run again.") from None
        unpacked = {tool.name: unpack(archive, tool.name, into) for tool in chosen}
        archive.unlink()
    return unpacked


def save(response: object, archive: Path, release: Release, progress: Step) -> None:
    """Write a response (a binary file with HTTP headers) to `archive`; on a wrong digest delete it."""
    digest = hashlib.new(release.algorithm)
    total = int(getattr(response, "headers", {}).get("Content-Length") or 0)
    with archive.open("wb") as target:
        while block := response.read(1 << 20):  # type: ignore[attr-defined]
            digest.update(block)
            target.write(block)
            progress.update(f"{target.tell() >> 20} of {total >> 20 or '?'} MiB")
    if digest.hexdigest() != release.digest:
        archive.unlink()
        raise LabError(
            f"{release.url}: {release.algorithm} is {digest.hexdigest()}, pinned is {release.digest}: "
            "not installed, since it is not the file that was checked. "
            "Try again on another network, or correct versions.toml if the release was replaced."
        )


def unpack(archive: Path, binary: str, into: Path) -> Path:
    """Take the one file named `binary` out of the archive, wherever in it it lies."""
    target = into / binary
    with tarfile.open(archive) as contents:
        for member in contents:
            if member.isfile() and PurePosixPath(member.name).name == binary:
                source = contents.extractfile(member)
                assert source
                with target.open("wb") as file:
                    shutil.copyfileobj(source, file)
                target.chmod(0o755)
                return target
    raise LabError(f"{archive.name}: holds no {binary}. Correct lab/toolchain/versions.toml.")
