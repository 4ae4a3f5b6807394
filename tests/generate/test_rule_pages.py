"""The pages of docs/rules are true: what fails there fails by that rule as printed, what passes does not."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import keda
from keda.checks.findings import rules
from keda.checks.text import as_text
from keda.commands.check import check_paths
from keda.manifests.reading import At
from tests.support import ROOT

PAGES = ROOT / "docs" / "rules"


def snippets(rule: str) -> dict[str, str]:
    """The YAML under each of the page's headings."""
    page = (PAGES / f"{rule}.md").read_text("utf-8")
    return dict(re.findall(r"(?m)^(Fails|Passes):\n```yaml\n(.*?)\n```$", page, re.DOTALL))


def codes(objects: list[Any]) -> set[str]:
    return {finding.code for finding in keda.check(objects)}


@pytest.mark.parametrize("rule", rules())
def test_what_fails_fails_by_this_rule(rule: str) -> None:
    assert rule in codes(list(yaml.safe_load_all(snippets(rule)["Fails"])))


@pytest.mark.parametrize("rule", rules())
def test_the_page_shows_what_keda_check_prints(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who saves the example gets these lines, and the marks are on them."""
    page = (PAGES / f"{rule}.md").read_text("utf-8")
    failing = snippets(rule)["Fails"]
    (printed,) = re.findall(r"```text\n(.*?)\n```", page, re.DOTALL)
    (tmp_path / f"{rule}.yaml").write_text(failing, "utf-8")
    monkeypatch.chdir(tmp_path)
    lines, unreadable = check_paths([f"{rule}.yaml"])
    assert not unreadable
    assert "\n".join(as_text(lines)) == printed
    marked = {number for number, text in enumerate(failing.splitlines(), 1) if text.endswith("# ←")}
    assert marked == {line.line for line in lines}


@pytest.mark.parametrize("rule", rules())
def test_what_passes_cures_what_fails(rule: str) -> None:
    """Put into the failing file where it belongs, it gives this finding no more, nor any new one."""
    shown = snippets(rule)
    (cure,) = yaml.safe_load_all(shown["Passes"])
    failing = [each for each in yaml.safe_load_all(shown["Fails"]) if each]
    others = codes(failing) - {rule}
    assert any(codes(cured) <= others for cured in put_in(cure, failing, rule))


def put_in(cure: Any, failing: list[Any], rule: str) -> Iterator[list[Any]]:
    """The failing objects with the cure where it may be meant for: beside what is there, instead of it,
    and with what the rule complains of taken out. A whole object takes the place of them all."""
    if isinstance(cure, dict) and {"apiVersion", "kind", "spec"} <= set(cure):
        yield [cure]
    without = copy.deepcopy(failing)
    for finding in keda.check(failing):
        if finding.code == rule:
            for each in without:
                _take_out(each, finding.at)
    for objects in (failing, without):
        for path in _places(objects):
            for put in (_merged, _instead):
                changed = copy.deepcopy(objects)
                into = changed
                for key in path[:-1]:
                    into = into[key]
                value = put(into[path[-1]], cure)
                if value is not None:
                    into[path[-1]] = value
                    yield changed


def _take_out(value: Any, at: At) -> None:
    for key in at[:-1]:
        if not isinstance(value, dict | list) or (isinstance(value, dict) and key not in value):
            return
        if isinstance(value, list) and (not isinstance(key, int) or key >= len(value)):
            return
        value = value[key]
    if isinstance(value, dict):
        value.pop(at[-1], None)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _places(each, (*path, key))


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merged(old[key], value) if key in old else value for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return [*(_merged(a, b) for a, b in zip(old, new, strict=False)), *new[len(old) :], *old[len(new) :]]
    return new if type(old) is type(new) else None


def _instead(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | new
    return new if isinstance(old, list) and isinstance(new, list) else None
