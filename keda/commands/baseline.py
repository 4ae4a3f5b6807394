"""A file of the findings that are known: they are not reported again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from keda.checks.output import Line
from keda.commands.errors import NotThere

Key = tuple[str, str, str, str]
"""Rule, file, object, path: no line, which moves with every edit."""


@dataclass(frozen=True)
class Baseline:
    """The findings that are known."""

    known: frozenset[Key] = frozenset()

    @classmethod
    def read(cls, file: str) -> Baseline:
        """Of a file that `write` made; of none if `file` is "". Raises NotThere."""
        if not file:
            return cls()
        try:
            found = json.loads(Path(file).read_text("utf-8"))
            keys = ((each["rule"], each["file"], each["object"], each["path"]) for each in found["findings"])
            return cls(frozenset(keys))
        except OSError as error:
            raise NotThere(
                f"{file}: the baseline cannot be read: {error.strerror}. Write it with --write-baseline."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise NotThere(f"{file}: is not a baseline. Write it again with --write-baseline.") from None

    @staticmethod
    def write(file: str, lines: Iterable[Line]) -> str:
        """Write the findings of today; what was written, in a sentence. Raises NotThere."""
        keys = sorted({_key(line) for line in lines})
        names = ("rule", "file", "object", "path")
        content = {"findings": [dict(zip(names, key, strict=True)) for key in keys]}
        try:
            Path(file).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        except OSError as error:
            raise NotThere(f"{file}: the baseline cannot be written: {error.strerror}.") from None
        return f"{file}: {counted(len(keys), 'known finding')}."

    def holds(self, line: Line) -> bool:
        """Whether the finding is known: same rule, file, object and path, whatever the line."""
        return bool(self.known) and _key(line) in self.known


def _key(line: Line) -> Key:
    return line.finding.code, Path(line.file).as_posix(), line.finding.object, line.finding.path


def counted(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {word}{'s' * (number != 1)}"
