"""The pod template of a ScaledJob: what the CRD refuses of it, and where else a key belongs."""

from __future__ import annotations

from typing import Any

import pytest

import keda
from keda.checks.admission.crd_shapes import pod_template
from keda.manifests.declared import UNKNOWN

CODES = {"unknown-field", "wrong-type", "missing-field", "unknown-value", "int32-range", "job-template"}
CONTAINER = {"name": "worker", "image": "a:1"}


def job(template: Any, **target: Any) -> Any:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "encode", "namespace": "media"},
        "spec": {"jobTargetRef": {"template": template, **target}, "triggers": [{"type": "cron"}]},
    }


def found(template: Any, **target: Any) -> list[tuple[str, str, str]]:
    """(rule, place, fix) of each finding below jobTargetRef."""
    prefix = "spec.jobTargetRef."
    return [
        (each.code, each.path.removeprefix(prefix), each.fix.replace(prefix, ""))
        for each in keda.check([job(template, **target)])
        if each.code in CODES and each.path.startswith(prefix)
    ]


def pod(**spec: Any) -> Any:
    return {"spec": {"containers": [CONTAINER], "restartPolicy": "Never", **spec}}


@pytest.mark.parametrize(
    ("template", "code", "place", "fix"),
    [
        (
            pod(resources={"cpu": 1}),
            "unknown-field",
            "spec.resources.cpu",
            "Move it to template.spec.resources.limits.cpu.",
        ),
        (pod(backoffLimit=3), "unknown-field", "spec.backoffLimit", "Move it to backoffLimit."),
        (
            {**pod(), "nodeSelector": {"a": "b"}},
            "unknown-field",
            "nodeSelector",
            "Move it to template.spec.nodeSelector.",
        ),
        ({**pod(), "labels": {"a": "b"}}, "unknown-field", "labels", "Move it to template.metadata.labels."),
        (pod(volume=[]), "unknown-field", "spec.volume", "Write volumes."),
        (pod(tolerations={"key": "a"}), "wrong-type", "spec.tolerations", "Write a list."),
        (pod(hostNetwork="true"), "wrong-type", "spec.hostNetwork", "Write true or false, without quotes."),
        (pod(nodeSelector={"gpu": True}), "wrong-type", "spec.nodeSelector.gpu", 'Put it in quotes: "true".'),
        (pod(priority=2**31), "int32-range", "spec.priority", "Write at most 2147483647."),
        (
            pod(overhead={"cpu": "1 m"}),
            "unknown-value",
            "spec.overhead.cpu",
            "Write a quantity, such as 500m or 512Mi.",
        ),
        ({"spec": {}}, "missing-field", "spec.containers", "Add containers."),
        ({}, "job-template", "spec.containers", "Write one container."),
        ({"spec": {"containers": []}}, "job-template", "spec.containers", "Write one container."),
    ],
)
def test_what_the_crd_refuses(template: Any, code: str, place: str, fix: str) -> None:
    assert found(template) == [(code, f"template.{place}", fix)]


@pytest.mark.parametrize(
    "template",
    [
        pod(overhead={"cpu": 1, "memory": "1Gi", "a.example.org/b": "2"}),
        pod(terminationGracePeriodSeconds=2**40),
        pod(nodeSelector={"gpu": UNKNOWN}, volumes=[UNKNOWN], tolerations=UNKNOWN),
        pod(hostname=None),
        {**pod(), "metadata": {"creationTimestamp": None, "generateName": "a-"}},
        {"spec": UNKNOWN},
    ],
)
def test_what_it_takes(template: Any) -> None:
    assert found(template) == []


def test_a_place_that_is_taken_is_not_named() -> None:
    given = pod(tolerations=[]) | {"tolerations": [{"key": "a"}]}
    assert found(given) == [("unknown-field", "template.tolerations", "Remove it.")]


def test_the_nearest_place_is_named() -> None:
    (finding,) = found({**pod(), "activeDeadlineSeconds": 60})
    assert finding[2] == "Move it to template.spec.activeDeadlineSeconds."
    (finding,) = found(pod(), matchLabels={"a": "b"})
    assert finding[2] == "Move it to selector.matchLabels."


def test_each_row_of_the_schema_is_read() -> None:
    container = pod_template()["properties"]["spec"]["properties"]["containers"]["items"]
    assert container["properties"]["ports"]["items"]["required"] == ["containerPort"]
    limits = container["properties"]["resources"]["properties"]["limits"]
    assert limits["additionalProperties"]["x-kubernetes-int-or-string"]
