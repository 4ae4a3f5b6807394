"""What counts as a reason to pass a rule over."""

import pytest

from keda.checks import engine
from keda.core.reasons import is_reason


@pytest.mark.parametrize(
    "given",
    [
        "",
        "  ",
        "-",
        "…",
        "x",
        "true",
        "True",
        "yes",
        "No",
        "ok",
        "n/a",
        "todo",
        "TODO!",
        "tbd",
        "later",
        "skip",
        "none",
        "12 34",
        "no reason",
        None,
        True,
        3,
    ],
)
def test_a_placeholder_is_not_a_reason(given: object) -> None:
    assert not is_reason(given)


@pytest.mark.parametrize(
    "given", ["quota", "the quota is the limit", "siehe Ticket 12", "its chart renders them"]
)
def test_words_are_a_reason(given: str) -> None:
    assert is_reason(given)


@pytest.mark.parametrize(
    ("given", "codes"), [("the quota is the limit", []), ("yes", ["bad-ignore", "default-max"])]
)
def test_an_annotation_without_a_reason_ignores_nothing(given: str, codes: list[str]) -> None:
    annotation = {"keda-homelab.dev/ignore-default-max": given}
    trigger = {
        "type": "cron",
        "metadata": {"timezone": "UTC", "start": "0 7 * * *", "end": "0 19 * * *", "desiredReplicas": "2"},
    }
    scaled = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotation},
        "spec": {"scaleTargetRef": {"name": "web"}, "triggers": [trigger]},
    }
    assert sorted({finding.code for finding in engine.check([scaled])}) == codes
