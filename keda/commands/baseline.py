"""A file of the findings that are known: they are not reported again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from keda.checks.output import Line
from keda.commands.errors import NotThere
from keda.core.errors import counted
from keda.manifests.files import STDIN

Key = tuple[str, str, str, str]
"""Rule, file as seen from the baseline's folder, object, path: no line, which moves with every edit."""


class Baseline(NamedTuple):
    """The findings that are known."""

    file: str = ""
    known: frozenset[Key] = frozenset()

    @classmethod
    def read(cls, file: str) -> Baseline:
        """Of a file that `write` made; of none if `file` is "". Raises NotThere."""
        if not file:
            return cls()
        try:
            found = json.loads(Path(file).read_text("utf-8"))
            keys = ((each["rule"], each["file"], each["object"], each["path"]) for each in found["findings"])
            return cls(file, frozenset(keys))
        except OSError as error:
            raise NotThere(
                f"{file}: the baseline cannot be read: {error.strerror}. Write it with --write-baseline."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise NotThere(f"{file}: is not a baseline. Write it again with --write-baseline.") from None

    @staticmethod
    def write(file: str, lines: Iterable[Line]) -> str:
        """Write the findings of today; what was written, in a sentence. Raises NotThere."""
        keys = sorted({_key(line, file) for line in lines})
        names = ("rule", "file", "object", "path")
        content = {"findings": [dict(zip(names, key, strict=True)) for key in keys]}
        try:
            Path(file).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        except OSError as error:
            raise NotThere(f"{file}: the baseline cannot be written: {error.strerror}.") from None
        return f"{file}: {counted(len(keys), 'known finding')}."

    def holds(self, line: Line) -> bool:
        """Whether the finding is known: same rule, file, object and path, whatever the line."""
        return bool(self.known) and _key(line, self.file) in self.known


def _key(line: Line, baseline: str) -> Key:
    file = line.file if line.file == STDIN else os.path.relpath(line.file, Path(baseline).parent)
    return line.finding.code, Path(file).as_posix(), line.finding.object, line.finding.path
