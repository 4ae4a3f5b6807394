"""The objects of one file, or of stdin, for a command that needs all of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from keda.manifests.documents import Source, Unreadable, documents
from keda.manifests.reading import Manifest, unlisted


def objects_of(path: str, error: type[Exception]) -> Iterator[Manifest]:
    """The objects of a file, those of a List one by one; `-` is stdin. Raises `error`, one line."""
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        for document in documents(Source(BytesIO(content))):
            yield from unlisted(document.value)
    except OSError as wrong:
        raise error(f"{path}: cannot be read: {wrong.strerror}.") from None
    except Unreadable as wrong:
        raise error(broken_line(path, wrong)) from None


def broken_line(name: str, wrong: Unreadable) -> str:
    """The line for a document that cannot be read."""
    template = (
        " Is it a Helm template? Check the output of `helm template` instead." if wrong.template else ""
    )
    return f"{name}:{wrong.line}: is not valid YAML for Kubernetes: {wrong.why}.{template}"
