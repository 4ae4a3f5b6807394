"""The files of folders and their documents: which hold objects, which are a chart's or a template."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path

from keda.core.errors import counted
from keda.manifests.documents import MAX_BYTES, Document, Source, each_document
from keda.manifests.path import broken_line

STDIN = "<stdin>"
"""In place of a file."""
SUFFIXES = (".yaml", ".yml", ".json")
_CHART = "Chart.yaml"
_OF_CHART = ("templates", "charts", "ci")
_VALUES = re.compile(r"(Chart|requirements|values.*)\.(yaml|yml|lock|json)")
_HELMFILE = re.compile(r"helmfile\.ya?ml(\.gotmpl)?")
NEVER = ("node_modules", "__pycache__", "venv")
_MAY_HOLD = (
    (b"kind", b"piVersion"),
    (b"kind", b"Scaled"),
    (b"kind", b"TriggerAuthentication"),
    (b"piVersion", b"keda.sh/"),
    (b"groups", b"expr"),
    (b'"panels"', b'"expr"'),
)
"""Words of which one pair is in every file of Kubernetes objects, of Prometheus rules or of a dashboard.
KEDA's kinds are among them without an apiVersion too, which somebody may have forgotten."""


class Unjudged:
    """What was found and not judged. Each text is one line for a person."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        """Of what was asked for, that could not be read: exit code 2."""
        self.charts: list[str] = []
        self.templates: dict[str, str] = {}
        """File and line: what is wrong there, where it is not filled in."""
        self.unlisted: list[str] = []
        """Beside a kustomization.yaml that does not name them."""
        self.patches: list[str] = []
        """Named alone, without the objects that they change."""
        self.remote: list[str] = []
        """What a kustomization.yaml takes in from elsewhere."""
        self.excluded: list[str] = []
        """Named, and left out by a pattern."""
        self.made: list[str] = []
        """Objects of Flux and Argo CD that make others in the cluster, and helmfiles."""
        self.placeholders: dict[str, str] = {}
        """File with an object of KEDA's: its first placeholder. What fills it in may apply more objects."""

    def __bool__(self) -> bool:
        return bool(self.broken or self.charts or self.templates or self.made or self.placeholders)

    @property
    def counted(self) -> str:
        """`1 chart, 2 templates`; "" if all was judged."""
        found = (
            (len(self.charts), "chart"),
            (len(self.templates), "template"),
            (len(self.unlisted), "unlisted file"),
            (len(self.patches), "patch file"),
            (len(set(self.remote)), "remote resource"),
            (len(self.made), "generator"),
            (len(self.placeholders), "placeholder file"),
            (len(self.excluded), "excluded file"),
        )
        broken = [f"{len(self.broken)} unreadable"] if self.broken else []
        return ", ".join([*broken, *(counted(number, what) for number, what in found if number)])


class Files:
    """The files below folders, each read once."""

    def __init__(self, unjudged: Unjudged, exclude: Sequence[str] = (), asked: bool = False) -> None:
        """Args:
        unjudged: where it is noted what cannot be read.
        exclude: shell patterns of absolute paths.
        asked: whether each file was named, so that one that is not readable is a failure whatever it is.
        """
        self.unjudged, self.exclude, self.asked = unjudged, exclude, asked
        self.folders: dict[Path, list[Path]] = {}
        """The files of each folder that was walked through, of the suffixes of manifests."""
        self._read: dict[Path, list[Document]] = {}

    def walk(self, top: Path) -> None:
        """Note the files below a folder. Of a chart, only what needs no rendering."""
        for folder, inner, names in os.walk(top):
            at = Path(folder)
            kept = [name for name in inner if not name.startswith(".") and name not in NEVER]
            if _CHART in names:
                self.unjudged.charts.append(str(at))
                kept = [name for name in kept if name not in _OF_CHART]
                names = [name for name in names if not _VALUES.fullmatch(name)]
            if at.name == "helmfile.d" or any(_HELMFILE.fullmatch(name) for name in names):
                self.unjudged.made.append(f"Not judged: the releases of the helmfile in {at}")
            inner[:] = sorted(name for name in kept if not self.excluded(at / name))
            files = [at / name for name in sorted(names) if _is_manifest(name)]
            self.folders[at] = [file for file in files if not self.excluded(file)]

    def excluded(self, path: Path, *, above: bool = False) -> bool:
        """Whether a pattern fits a path; `above`: or a folder that it is in."""
        if not self.exclude:
            return False
        whole = Path(os.path.normpath(path.absolute()))
        paths = [each.as_posix() for each in (whole, *(whole.parents if above else ()))]
        return any(fnmatchcase(each, pattern) for each in paths for pattern in self.exclude)

    def below(self, top: Path) -> Iterator[tuple[Path, list[Path]]]:
        """The folders at and below one, and their files."""
        return ((at, files) for at, files in self.folders.items() if at == top or top in at.parents)

    def read(self, file: Path) -> list[Document]:
        """The documents of a file that can be read, with their variables, read once."""
        file = Path(os.path.normpath(file))
        if file not in self._read:
            self._read[file] = list(self.documents(file, sift=False))
        return self._read[file]

    def documents(self, file: Path, *, sift: bool = True) -> Iterator[Document]:
        """The same, read each time. `sift`: a file that lacks a word of every object is passed over."""
        try:
            with file.open("rb") as stream:
                if file.stat().st_size > MAX_BYTES or self.asked:
                    yield from self.readable(Source(stream), str(file))
                    return
                content = stream.read()
        except OSError as error:
            self.unjudged.broken.append(f"{file}: cannot be read: {error.strerror}.")
            return
        if not sift or any(one in content and other in content for one, other in _MAY_HOLD):
            yield from self.readable(Source(BytesIO(content)), str(file))

    def readable(self, source: Source, name: str) -> Iterator[Document]:
        """The documents of a stream that can be read; the others are noted as not judged."""
        for each in each_document(source, variables=True):
            if isinstance(each, Document):
                yield each
            elif self.asked or (each.of_kubernetes and not each.template):
                if (line := broken_line(name, each)) not in self.unjudged.broken:
                    self.unjudged.broken.append(line)
            elif each.of_kubernetes or each.template:
                self.unjudged.templates[f"{name}:{each.line}"] = broken_line(name, each)


def _is_manifest(name: str) -> bool:
    return name.endswith(SUFFIXES) or name == "Kustomization"


Identity = tuple[str, str]
_IDENTITY = re.compile(
    rb"^kind:[ ]*[\"']?(\w+).*?^(?:  name|metadata:[ ]*\{[^}\n]*?name):[ ]*[\"']?([\w.-]+)",
    re.MULTILINE | re.DOTALL,
)


def identities(file: Path) -> Iterator[Identity]:
    """(kind, name) of the objects of a file as they are usually written, without reading its YAML."""
    try:
        content = file.read_bytes() if file.stat().st_size <= MAX_BYTES else b""
    except OSError:
        return
    for document in content.split(b"\n---"):
        if match := _IDENTITY.search(document):
            yield match[1].decode(), match[2].decode()
