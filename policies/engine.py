"""The `pulumi` process that started the pack: where its program is, and which config files it was given.

The language host starts a pack in the pack's own folder, and the engine names to it only the project and the
stack (analyzer.proto). Both are found by the process's ancestors, which Linux lists in /proc.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PROJECT = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


@dataclass(frozen=True)
class Engine:
    """A running `pulumi`: the folder that it works in, and its arguments."""

    folder: Path
    arguments: tuple[str, ...]

    @property
    def program(self) -> Path:
        """The folder of the program: the nearest one with a Pulumi.yaml, as `pulumi` looks for it."""
        above = (self.folder, *self.folder.parents)
        found = (each for each in above if any((each / name).is_file() for name in _PROJECT))
        return next(found, self.folder)

    def files(self, flag: str) -> list[Path]:
        """The files given with a flag, as `--flag file` or `--flag=file`."""
        given = []
        for index, argument in enumerate(self.arguments):
            name, equals, value = argument.partition("=")
            if name == flag:
                given.append(value if equals else "".join(self.arguments[index + 1 : index + 2]))
        return [self.folder / each for each in given if each]


def engine() -> Engine | None:
    """The `pulumi` that this process descends from; None where that cannot be found out."""
    process = os.getppid()
    while process > 1:
        try:
            folder = _PROC / str(process)
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(arguments[0]).name in ("pulumi", "pulumi.exe"):
                return Engine((folder / "cwd").readlink(), tuple(filter(None, arguments)))
            stat = (folder / "stat").read_text()
            process = int(stat.rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return None
    return None
