"""What a preview does not know yet is never a finding, nor the reason of one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import keda
from keda.manifests.declared import UNKNOWN, Declared
from tests.support import CORPUS

FILES = sorted((CORPUS / "check").rglob("*.yaml"))
Place = tuple[Any, ...]
Found = set[tuple[str, Place]]
ABSENT = object()


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Every key and index, the outer before the inner."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def changed(objects: list[Any], path: Place, value: Any) -> list[Any]:
    objects = copy.deepcopy(objects)
    into: Any = objects
    for key in path[:-1]:
        into = into[key]
    if value is ABSENT:
        del into[path[-1]]
    else:
        into[path[-1]] = value
    return objects


def found(objects: list[Any]) -> Found:
    """The places of the findings: the object's number and the path. (Which of two rules names a place may
    change: the first cause may be the unknown.)"""
    declared = [Declared(each, str(number)) for number, each in enumerate(objects)]
    return {(finding.where, finding.at) for finding in keda.check(declared)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_no_finding_rests_on_what_is_unknown(file: Path) -> None:
    """A finding stands only if it would whatever the value is: with the one written, and without any."""
    objects = [each for each in yaml.safe_load_all(file.read_text("utf-8")) if each]
    written = found(objects)
    wrong: list[str] = []
    for path in places(objects):
        if len(path) == 1:
            continue
        unknown = found(changed(objects, path, UNKNOWN))
        number, inner = str(path[0]), path[1:]
        into = {each for each in unknown if each[0] == number and each[1][: len(inner)] == inner}
        absent = unknown if isinstance(path[-1], int) else found(changed(objects, path, ABSENT))
        # What is absent of another object may be what the finding needs to be made at all; what must not be
        # absent is a mistake of its own, and it may come first.
        without = {each for each in unknown - absent if each[0] == number and absent <= written}
        wrong += [
            f"{path} unknown: {each}, {why}"
            for why, findings in (("inside", into), ("new", unknown - written), ("not without it", without))
            for each in findings
        ]
    assert not wrong, "\n".join(wrong)
