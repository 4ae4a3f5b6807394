"""Each sample of the field reports gets its right answer, and at least three further members of its kind do.

The samples are no part of this repository: where they lie beside it (../shared/cases), they are judged too.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keda.commands.main import main
from tests.cases.kinds import FIELD, PACK, REPOS, Answer, Kind
from tests.cases.members import MEMBERS
from tests.keda.commands.tree import judged
from tests.support import ROOT

SHARED = ROOT.parent / "shared" / "cases"
beside = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the samples are not there: {SHARED}")
GROUPS = {"field": FIELD, "repos": REPOS}
SAMPLES = [
    pytest.param(f"{group}/{name}{end}", answer, id=f"{name}{end}")
    for group, kinds in GROUPS.items()
    for name, kind in kinds.items()
    for end, answer in kind.answers.items()
]


@beside
@pytest.mark.parametrize(("sample", "answer"), SAMPLES)
def test_a_sample(sample: str, answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["check", "--format", "json", str(SHARED / sample)])
    found = json.loads(capsys.readouterr().out)
    given = [f"{each['severity']} {each['code']}" for each in found]
    assert given == [wanted.partition(":")[0] for wanted in answer.findings]
    for wanted, each in zip(answer.findings, found, strict=True):
        words = wanted.partition(": ")[2]
        assert words in f"{each['path'].rpartition('.')[2]}: {each['message']} {each['fix']}", each
    error = any(each["severity"] == "error" for each in found)
    assert code == (int(error) if answer.code is None else answer.code)


@beside
@pytest.mark.parametrize("group", [*GROUPS, "pack"])
def test_every_sample_has_an_answer(group: str) -> None:
    there = {path.name for path in (SHARED / group).iterdir()}
    kinds: Any = GROUPS.get(group)
    ends = {f"{name}{end}" for name, kind in kinds.items() for end in kind.answers} if kinds else set(PACK)
    assert there == ends


@pytest.mark.parametrize(
    ("files", "rules"),
    [
        pytest.param(*member, id=f"{name}-{number}")
        for name, members in MEMBERS.items()
        for number, member in enumerate(members)
    ],
)
def test_a_further_member(files: dict[str, str], rules: tuple[str, ...], tmp_path: Path) -> None:
    lines, noted = judged(tmp_path, files)
    assert sorted(line.split(": ")[1] for line in lines) == sorted(rules)
    assert not noted.unjudged.broken


def _inputs(test: str) -> int:
    """The inputs of a test of another module, by its parameters."""
    module, _, name = test.partition("::")
    function = getattr(importlib.import_module(f"tests.{module.replace('/', '.')}"), name)
    number = 1
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "parametrize":
            number *= len(list(mark.args[1]))
    return number


def _kinds() -> Iterator[Any]:
    for kinds in (*GROUPS.values(), PACK):
        for name, kind in kinds.items():
            yield pytest.param(name, kind, id=name)


@pytest.mark.parametrize(("name", "kind"), list(_kinds()))
def test_a_kind_has_three_more(name: str, kind: Kind) -> None:
    assert len(MEMBERS.get(name, ())) + sum(map(_inputs, kind.members)) >= 3
