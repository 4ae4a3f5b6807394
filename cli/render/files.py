"""A tree of generated files: written, or compared with what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CommandError
from lab.files import write_atomically

Tree = Mapping[str, str]
"""Path in the tree -> text."""
_LINE = 10_000
"""Characters: a long query stays in one line, so that a diff shows what changed."""


def mark(stack_file: str) -> str:
    """In the first line of every file that is made from a stack file: no other file is changed or removed."""
    return f"Written by `make render` from {stack_file}: change that file, not this one."


def document(content: Mapping[str, Any], stack_file: str) -> str:
    """A YAML file: the mark, then the content, its keys in the usual order."""
    ordered = _ordered(content, ("apiVersion", "kind", "metadata"))
    if "metadata" in content:
        ordered["metadata"] = _ordered(content["metadata"], ("name", "namespace"))
    return f"# {mark(stack_file)}\n{plain(ordered)}"


def plain(content: Mapping[str, Any]) -> str:
    """YAML with the keys in their order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_LINE)


def _ordered(content: Mapping[str, Any], first: Sequence[str]) -> dict[str, Any]:
    return {key: content[key] for key in sorted(content, key=lambda key: (key not in first, key))}


def write(tree: Tree, out: Path, stack_file: str) -> list[str]:
    """Writes what differs and removes what an earlier run wrote; returns the paths of both.

    Raises:
        CommandError: a file that was not made from this stack file has the place of one.
    """
    changed = list(differing(tree, out, stack_file))
    there = [out / path for path, _ in changed if (out / path).exists()]
    if foreign := [file for file in there if not _is_of(stack_file, file)]:
        raise CommandError(
            f"{foreign[0]}: was not written from {stack_file}, and would be overwritten. Nothing was "
            "written. Move the file, or write OUT=<another folder>."
        )
    for path, _ in changed:
        file = out / path
        if path in tree:
            write_atomically(file, tree[path])
        else:
            file.unlink()
            for folder in list(file.parents)[: len(Path(path).parts) - 1]:
                if not any(folder.iterdir()):
                    folder.rmdir()
    return [path for path, _ in changed]


def differing(tree: Tree, out: Path, stack_file: str) -> Iterator[tuple[str, str]]:
    """(path, how) of each file that is not as it would be written, sorted."""
    stale = written(out, stack_file) - tree.keys()
    for path in sorted(tree.keys() | stale):
        file = out / path
        if path in stale:
            yield path, "is no longer part of the tree"
        elif not file.exists():
            yield path, "is missing"
        elif file.read_text(encoding="utf-8") != tree[path]:
            yield path, "differs"


def written(out: Path, stack_file: str) -> set[str]:
    """The paths of the files below a folder that were written from a stack file."""
    files = (file for file in out.rglob("*") if file.suffix in (".yaml", ".md") and file.is_file())
    return {str(file.relative_to(out)) for file in files if _is_of(stack_file, file)}


def _is_of(stack_file: str, file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return mark(stack_file) in lines.readline()


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such, and lists indented below their key, as the forges format them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


# PyYAML writes YAML 1.1, in which these are texts. The parser of Kubernetes takes 1e3 and 0o7 for numbers.
_NUMBER = re.compile(r"[-+]?\.?\d[\d.]*[eE][-+]?\d+|0o[0-7]+")


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else "'" if _NUMBER.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
