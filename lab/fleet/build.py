"""The fleet's own programs, built from the Go module beside this file."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from lab.errors import LabError
from lab.paths import cache
from lab.toolchain import gobuild, versions

MODULE = Path(__file__).parent
PROGRAMS = ("fleet", "pause")


def build(go: Path | None = None) -> dict[str, Path]:
    """Path of each static program by name, compiled once per state of the sources.

    `go` is the go command, looked for when needed. Raises LabError with the compiler's last lines.
    """
    folder = cache() / "bin" / f"fleet-{_digest()}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Built beside and renamed: a killed build leaves no half-written program under the final name.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fleet-") as fresh:
            built = Path(fresh) / "bin"
            built.mkdir()
            _compile(go or gobuild.go(), built)
            try:
                built.rename(folder)
            except OSError:  # another lab was faster: its build is as good
                if not folder.exists():
                    raise
    return {name: folder / name for name in PROGRAMS}


def _compile(go: Path, into: Path) -> None:
    done = subprocess.run(
        [str(go), "build", *versions.load().flags, f"-o={into}/", "./cmd/..."],
        cwd=MODULE,
        env=gobuild.environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        tail = " | ".join(done.stderr.strip().splitlines()[-3:])
        raise LabError(f"lab/fleet: go build failed: {tail}")


def _digest() -> str:
    digest = hashlib.sha256(repr(versions.load().flags).encode())
    for path in sorted([MODULE / "go.mod", MODULE / "go.sum", *MODULE.glob("cmd/*/*.go")]):
        if not path.name.endswith("_test.go"):
            digest.update(str(path.relative_to(MODULE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
