"""Each rule's page is as the code makes it, and its examples are what the rule says they are."""

import re
from pathlib import Path
from typing import Any

import pytest

from generate import policy_pages as pages
from keda.manifests.documents import documents
from policies import pack
from tests.policies.operation import Operation

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = pages.pages()
RULES = {rule.name: rule for rule in pack.pages()}
EXAMPLES = [file.removesuffix(".md") for file, content in PAGES.items() if "```yaml" in content]


def test_the_pages_are_as_generated() -> None:
    found = {file.name: file.read_text(encoding="utf-8") for file in (DOCS / "policies").iterdir()}
    assert found == PAGES, "run make generate"
    overview = (DOCS / "policies.md").read_text(encoding="utf-8")
    assert pages.with_index(overview) == overview, "run make generate"


def example(rule: str, title: str) -> list[Any]:
    """The manifests of a page's example."""
    page = (DOCS / "policies" / f"{rule}.md").read_text(encoding="utf-8")
    found = re.search(rf"^{title}[^\n]*:\n```yaml\n(.*?)\n```", page, re.MULTILINE | re.DOTALL)
    assert found, title
    return [each.value for each in documents(found[1])]


def judged(rule: str, manifests: list[Any]) -> Operation:
    operation = Operation({rule: dict(RULES[rule].example)})
    for index, manifest in enumerate(manifests):
        operation.register(manifest, at=str(index))
    return operation.end()


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_failing_example_fails_by_this_rule_alone(rule: str) -> None:
    assert judged(rule, example(rule, "Fails")).rules == [rule]


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_passing_example_passes_every_rule(rule: str) -> None:
    manifests = example(rule, "Passes")
    if rule == "keda-one-owner-hpa":  # its page says that the program lets go of the HPA
        operation = Operation().register(manifests[0])
        assert operation.register(manifests[1], ignore_changes=["metadata", "spec"]).end().reports == []
    else:
        assert judged(rule, manifests).reports == []
