"""YAML and JSON as Kubernetes reads them, with the line of every value, in bounded time and memory.

Built from the parser's events: no recursion, aliases shared and counted, duplicate keys and odd keys refused.
Scalars are resolved as kubectl does (YAML 1.1 of Go's yaml.v2: `yes` and `on` are true, `1:30` is a text).
A stream is cut at its `---` lines first, as kubectl does: what is broken costs its own document only.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader, BytesIO
from typing import Any, NamedTuple

import yaml

from keda.manifests.reading import At
from keda.manifests.templates import (
    PlainTemplate,
    Template,
    ToolTemplate,
    has_variable,
    is_for_tools,
    may_be_filled_in,
    placeholder_of,
    template_of_tool,
    uncommented,
)

MAX_DEPTH = 100
MAX_NODES = 2_000_000
"""Values of one document, each alias counted as often as it stands there."""
MAX_BYTES = 64 * 2**20
"""Of one document. A stream of many has no limit."""
_PIECE = 2**16
"""Bytes read at once: the most that is read before a document is handed on."""

_TRUE = ("y", "yes", "on", "true")
_FALSE = ("n", "no", "off", "false")
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
for _words, _value in ((_TRUE, True), (_FALSE, False)):
    for _word in _words:
        _WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _value)
_INT = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]*|[1-9][0-9_]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = {
    f"{sign}{dot}": value
    for sign, value in (("", "inf"), ("+", "inf"), ("-", "-inf"))
    for dot in (".inf", ".Inf", ".INF")
} | dict.fromkeys((".nan", ".NaN", ".NAN"), "nan")


class Unreadable(ValueError):
    """A document that Kubernetes could not read either; `line` counts from 1. `text` is the document's."""

    def __init__(self, line: int, why: str, text: str = "") -> None:
        self.line, self.why, self.text = line, why, text
        super().__init__(why)

    @property
    def template(self) -> bool:
        """Whether it looks like a template of Helm, Jinja, Copier, Backstage, envsubst or sed."""
        return any(mark in self.text for mark in ("{{", "{%", "[[", "<%", ": ${", ": @"))

    @property
    def of_kubernetes(self) -> bool:
        """Whether the text is an object's, as far as that is visible."""
        return bool(
            _API_VERSION.search(self.text) and _KIND.search(self.text) and not _OTHER_SCHEMA.search(self.text)
        )


_OTHER_SCHEMA = re.compile(r""""\$schema"[ ]*:""")
"""A template of Azure's resource manager has an apiVersion and a kind too, and may have comments."""
_API_VERSION = re.compile(r"""^[ ]*(?:- )?[{]?[ ]*["']?apiVersion["']?[ ]*:""", re.MULTILINE)
_KIND = re.compile(r"""^[ ]*(?:- )?["']?kind["']?[ ]*:|[{,][ ]*["']?kind["']?[ ]*:""", re.MULTILINE)


class Document(NamedTuple):
    """One object as plain data, and where its values are."""

    value: Any
    line: int
    lines: Mapping[int, Mapping[str | int, int]] = {}
    templates: bool = False
    """Whether it holds a Template."""
    placeholder: str = ""
    """The first of its placeholders, which nothing in the repository fills in."""

    def line_of(self, at: At) -> int:
        """The line of a value, or of the nearest thing around it that is written."""
        line, current = self.line, self.value
        for part in at:
            places = self.lines.get(id(current), {})
            if part not in places:
                break
            line, current = places[part], current[part]
        return line


class _Open:
    """A mapping or list that is being read.

    `bare`: whether it is in braces and a key has no value, not even an empty one.
    """

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None, line: int, flow: bool) -> None:
        self.value, self.anchor, self.line, self.flow = value, anchor, line, flow
        self.places: dict[str | int, int] = {}
        self.key: str | None = None
        self.bare, self.size = False, 1
        self.merges: list[Any] = []


class Source:
    """A stream, cut into the texts of its documents: piece by piece, UTF-8, none longer than MAX_BYTES.

    `wait` is called before each piece is read, which may block.
    """

    def __init__(self, stream: BufferedReader | BytesIO, wait: Callable[[], object] = lambda: None) -> None:
        self._stream, self._wait = stream, wait
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode

    def texts(self) -> Iterator[tuple[int, str | Unreadable]]:
        """(Lines before it, text) of each document; Unreadable in place of a text that is too long."""
        buffer, line, searched, dropped = "", 0, 0, False
        for piece in self._pieces():
            if isinstance(piece, Unreadable):
                yield line, Unreadable(line + buffer.count("\n") + 1, piece.why, buffer + piece.text)
                return
            buffer += piece
            while cut := _SEPARATOR.search(buffer, searched):
                document, buffer, searched = buffer[: cut.start()], buffer[cut.start() :], 3
                if document and not dropped:
                    yield line, document
                line += document.count("\n")
                dropped = False
            searched = max(searched, len(buffer) - 4)
            if len(buffer) > MAX_BYTES:
                if not dropped:
                    yield line, Unreadable(line + 1, _TOO_LONG)
                end = max(buffer.rfind("\n"), 0)
                line += buffer.count("\n", 0, end)
                buffer, searched, dropped = buffer[end:] if end else "", 0, True
        if not dropped and buffer:
            yield line, buffer

    def _pieces(self) -> Iterator[str | Unreadable]:
        piece = b"-"
        while piece:
            self._wait()
            piece = self._stream.read1(_PIECE)
            try:
                yield self._decode(piece, not piece)
            except UnicodeDecodeError:
                yield Unreadable(0, "no text of UTF-8", piece.decode("utf-8", "replace"))
                return


_TWICE = "kustomize and Flux refuse the file, and kubectl silently drops what stands under the first"
_SEPARATOR = re.compile(r"^---(?=[ \t\r\n])", re.MULTILINE)
_TOO_LONG = f"a document of more than {MAX_BYTES >> 20} MiB. Kubernetes takes 3 MiB"
_DIRECTIVES = re.compile(r"(?:[ \t]*(?:#.*)?\r?\n)*%(?:.*\n|[ \t]*#.*\n|[ \t]*\r?\n)*\Z")


def documents(source: Source | str, *, variables: bool = False) -> Iterator[Document]:
    """The documents of a stream, each as soon as it is read.

    `variables`: a text with `${…}`, `$NAME` or a placeholder is a Template, to be filled in
    (keda.manifests.substitution).
    Raises Unreadable at the first that is not readable, and what the stream raises.
    """
    for each in each_document(source, variables=variables):
        if isinstance(each, Unreadable):
            raise each
        yield each


def each_document(source: Source | str, *, variables: bool = False) -> Iterator[Document | Unreadable]:
    """The documents of a stream, and Unreadable in place of each that cannot be read."""
    if isinstance(source, str):
        source = Source(BytesIO(source.encode("utf-8", "surrogatepass")))
    directives = ""
    for line, text in source.texts():
        if isinstance(text, Unreadable):
            yield text
        elif _DIRECTIVES.fullmatch(text):
            directives = text
        else:
            yield from _parsed(directives + text, line - directives.count("\n"), variables)
            directives = ""
    if directives:
        yield Unreadable(1, "a directive without a document")


def _parsed(text: str, before: int, variables: bool) -> Iterator[Document | Unreadable]:
    """The documents of a text: one, but for what `...` ends."""
    reader: _Reader | None = None
    event: Any = None
    for_tools = variables and is_for_tools(text)
    try:
        for event in iter(_LOADER(uncommented(text) if for_tools else text).get_event, None):
            if type(event) is yaml.DocumentStartEvent:
                reader = _Reader(before, variables, variables and may_be_filled_in(text), for_tools)
            elif reader is not None and type(event) is not yaml.DocumentEndEvent:
                reader.take(event)
            elif reader is not None:
                if reader.result is not None:
                    yield Document(
                        reader.result, reader.first, reader.lines, reader.templates, reader.placeholder
                    )
                reader = None
    except yaml.YAMLError as error:
        marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
        mark: Any = next(filter(None, marks), None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
        line = mark.line if mark else event.start_mark.line if event else 0
        yield Unreadable(line + 1 + before, str(problem), text)
    except Unreadable as unreadable:
        yield Unreadable(unreadable.line, unreadable.why, text)


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Reader:
    """Builds one document out of events. Its texts may be filled in: `marked`; by a tool: `for_tools`."""

    def __init__(self, before: int, variables: bool, marked: bool, for_tools: bool) -> None:
        self.first = before + 1
        self.result: Any = None
        self.lines: dict[int, dict[str | int, int]] = {}
        self.templates = False
        self.placeholder = ""
        self._before, self._variables, self._marked = before + 1, variables, marked
        self._for_tools = for_tools
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._started = False

    def take(self, event: Any) -> None:
        line = event.start_mark.line + self._before
        if not self._started:
            self._started, self.first = True, line
        kind = type(event)
        if kind is yaml.ScalarEvent:
            value = _scalar(event, line)
            if self._for_tools and type(value) is str and (found := self._for_tool(value)):
                value = ToolTemplate(value)
                self.placeholder, self.templates = self.placeholder or found, True
            elif self._marked and type(value) is str and self._is_template(value):
                value = (PlainTemplate if event.implicit[0] and event.tag is None else Template)(value)
                self.templates = True
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            if value is None and not event.value and self._stack:
                self._stack[-1].bare = self._stack[-1].flow
            self._put(value, 1, line)
        elif kind is yaml.AliasEvent:
            if event.anchor not in self._anchors:
                raise Unreadable(line, f"the alias *{event.anchor} has no anchor before it")
            self._put(*self._anchors[event.anchor], line)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if len(self._stack) >= MAX_DEPTH:
                raise Unreadable(line, f"nested deeper than {MAX_DEPTH}")
            value = {} if kind is yaml.MappingStartEvent else []
            self._stack.append(_Open(value, event.anchor, line, bool(event.flow_style)))
        else:
            self._close()

    def _for_tool(self, value: str) -> str:
        """What another tool fills in; in a pod `$(NAME)` is Kubernetes' own, and a script has `{{`."""
        return "" if any(each.key == "template" for each in self._stack) else template_of_tool(value)

    def _is_template(self, value: str) -> bool:
        found = placeholder_of(value)
        self.placeholder = self.placeholder or found
        return bool(found) or has_variable(value)

    def _awaits_key(self) -> bool:
        """Whether a key comes next: `{{ name }}` is Helm's or Jinja's."""
        return bool(self._stack) and self._stack[-1].key is None and isinstance(self._stack[-1].value, dict)

    def _placeholder(self, name: str, line: int) -> None:
        """`{name}` in place of a text, as KEDA's documentation has it: a mapping of a key without a value."""
        text = PlainTemplate(f"{{{name}}}")
        self.placeholder, self.templates = self.placeholder or text, True
        self._put(text, 1, line)

    def _close(self) -> None:
        done = self._stack.pop()
        if isinstance(done.value, dict):
            if self._variables and done.bare and len(done.value) == 1 and not self._awaits_key():
                self._placeholder(next(iter(done.value)), done.line)
                return
            for merged in done.merges:
                for key, value in merged.items():
                    done.value.setdefault(key, value)
        self.lines[id(done.value)] = done.places
        if done.anchor:
            self._anchors[done.anchor] = (done.value, done.size)
        self._put(done.value, done.size, done.line)

    def _put(self, value: Any, size: int, line: int) -> None:
        if not self._stack:
            self.result = value
            return
        into = self._stack[-1]
        into.size += size
        if into.size > MAX_NODES:
            raise Unreadable(line, f"more than {MAX_NODES} values, aliases counted (a YAML bomb?)")
        if isinstance(into.value, list):
            into.places[len(into.value)] = line
            into.value.append(value)
        elif into.key is None:
            self._key(into, value, line)
        else:
            if into.key == "<<" and isinstance(value, (dict, list)):
                self._merge(into, value, line)
            else:
                into.value[into.key] = value
            into.key = None

    def _key(self, into: _Open, value: Any, line: int) -> None:
        if isinstance(value, (dict, list)):
            raise Unreadable(line, "a mapping or list as key")
        # Kubernetes turns YAML into JSON, and with it every key into a text.
        key = value if type(value) is str else _json_key(value)
        if key in into.places:
            first = f"the key {key[:60]!r} is there twice, first in line {into.places[key]}: "
            raise Unreadable(line, first + _TWICE)
        into.key = key
        into.places[key] = line

    def _merge(self, into: _Open, value: Any, line: int) -> None:
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise Unreadable(line, "<< merges what is not a mapping")
        into.merges += parts
        del into.places["<<"]


def _json_key(value: object) -> str:
    if isinstance(value, str):  # a Template: no key is filled in
        return str(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def resolved(text: str) -> Any:
    """The value of an unquoted text."""
    if text in _WORDS:
        return _WORDS[text]
    return float(_SPECIAL[text]) if text in _SPECIAL else _number(text)


def _scalar(event: Any, line: int) -> Any:
    text: str = event.value
    if event.tag not in (None, "!"):
        return _tagged(event.tag, text, line)
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] not in "-+.0123456789":
        return text
    if text in _SPECIAL:
        return float(_SPECIAL[text])
    return _number(text)


def _number(text: str) -> Any:
    if len(text) > 400:
        return text
    if _INT.fullmatch(text):
        sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-").replace("_", "")
        if digits[:2] in ("0x", "0b", "0o"):
            return sign * int(digits[2:] or "0", {"x": 16, "b": 2, "o": 8}[digits[1]])
        return sign * int(digits, 8 if len(digits) > 1 and digits[0] == "0" else 10)
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return text


def _tagged(tag: str, text: str, line: int) -> Any:
    match tag.removeprefix("tag:yaml.org,2002:"):
        case "int" | "float":
            number = _number(text)
            if isinstance(number, str):
                raise Unreadable(line, f"{text[:40]!r} is not a number, as its tag requires")
            return number
        case "bool" | "null":
            if text in _WORDS:
                return _WORDS[text]
            raise Unreadable(line, f"{text[:40]!r} is not what its tag requires")
    # To sigs.k8s.io/yaml any other tag is one of a text: `!!str`, yq's `!!merge <<:`, a tool's `!vault`.
    return text
