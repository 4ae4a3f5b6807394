"""Placeholders that a person or a script fills in: what nobody can know is no finding, and is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from keda.commands.unjudged import notes
from keda.manifests.declared import UNKNOWN
from keda.manifests.documents import documents
from keda.manifests.substitution import filled_in
from tests.keda.commands.tree import found, judged, scaled_object, workload


@pytest.mark.parametrize(
    "written",
    [
        "<MAX>",
        '"<the most pods>"',
        "http://<host>:9090",
        "__MAX__",
        "a-__STAGE_NAME__-b",
        '"@MAX@"',
        "CHANGEME",
        "CHANGE_ME",
        "REPLACE_WITH_YOUR_QUERY",
        "https://YOUR-HOST/YOUR_QUEUE",
        "sqs://REPLACE-ME",
        "{scaled-object-name}",
        '"{replicas}"',
    ],
)
def test_a_placeholder_is_unknown(written: str) -> None:
    (document,) = documents(f"kind: A\nspec: {written}", variables=True)
    assert filled_in(document)["spec"] is UNKNOWN
    assert document.placeholder in written


@pytest.mark.parametrize("written", ["{}", "{a: null}", "{a: ~}", '{a: ""}', "{a, b}", "{a: {}}"])
def test_a_mapping_is_none(written: str) -> None:
    (document,) = documents(f"kind: A\nspec: {written}", variables=True)
    assert isinstance(filled_in(document)["spec"], dict)
    assert document.placeholder == ""


@pytest.mark.parametrize(
    "written",
    [
        "__name__",
        '{__name__=~"a_.+", x="b"}',
        "a < b and c > d",
        "(?<part>x)",
        "(?P<part>x)",
        "a@b.example",
        "rate(x[5m] @ end())",
        "<a@b.example> wrote",
        "CHANGE_EVENTS",
        "^a{3}$",
        "{a,b}",
        '{job="a"}',
        "bull:{queue}:wait",
        "REPLACEMENTS",
        "YOURS",
    ],
)
def test_what_is_none(written: str) -> None:
    (document,) = documents(f"kind: A\nspec: |-\n  {written}", variables=True)
    assert filled_in(document)["spec"] == written
    assert document.placeholder == ""


@pytest.mark.parametrize("value", ["<MAX>", "__MAX__", '"<how many>"', '"@MAX@"'])
def test_no_finding_where_one_is_and_nothing_is_missing(value: str, tmp_path: Path) -> None:
    """Who fills it in may run `helm install` too."""
    files = {
        "so.yaml": scaled_object(target="made-by-a-chart").replace(
            "maxReplicaCount: 4", f"maxReplicaCount: {value}"
        ),
        "other.yaml": workload("other"),
    }
    lines, noted = judged(tmp_path, files)
    assert lines == []
    (line,) = notes(noted.unjudged)
    shown = value.strip('"')
    assert line.startswith(f"Not judged: 1 file with placeholders, such as {shown}: {tmp_path / 'so.yaml'}. ")
    assert noted.unjudged.counted == "1 placeholder file"


def test_what_has_none_is_judged_beside_it(tmp_path: Path) -> None:
    text = scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: <MAX>\n  poling: 3")
    assert found(tmp_path, {"so.yaml": text}) == ["so.yaml: unknown-field: ScaledObject default/web"]


@pytest.mark.parametrize(
    "value",
    [
        "'{{ replicas.max }}'",
        '"{{ .Values.max }}"',
        "[[ max ]]",
        "'[[ max ]]'",
        "<%= max %>",
        "#{MaxReplicas}#",
        "'#{MaxReplicas}'",
        "$(MAX)",
        "#@ data.values.max",
        "ref+vault://keda/web#max",
        "ENC[AES256_GCM,data:abc=,iv:x,tag:y,type:int]",
    ],
)
def test_what_another_tool_fills_in_is_unknown(value: str, tmp_path: Path) -> None:
    text = scaled_object(namespace="shop").replace("maxReplicaCount: 4", f"maxReplicaCount: {value}")
    lines, noted = judged(tmp_path, {"so.yaml": text, "other.yaml": workload("other", "shop")})
    assert lines == []
    assert noted.unjudged.counted == "1 placeholder file"


@pytest.mark.parametrize("query", ['up{a=~"[[:digit:]]+"}', "a # {b}", "rate(x[5m])"])
def test_a_query_has_no_template(query: str) -> None:
    text = f"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nspec: {{query: '{query}'}}\n"
    (document,) = documents(text, variables=True)
    assert filled_in(document)["spec"] == {"query": query}


@pytest.mark.parametrize("value", ["$(POD_IP)", "docker ps --format {{.Names}}", "[[ -f a ]]"])
def test_a_pod_has_its_own(value: str) -> None:
    text = f"apiVersion: keda.sh/v1alpha1\nkind: ScaledJob\nspec: {{template: {{args: ['{value}']}}}}\n"
    (document,) = documents(text, variables=True)
    assert filled_in(document)["spec"] == {"template": {"args": [value]}} and not document.placeholder


def test_an_alert_keeps_its_templates() -> None:
    text = (
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {summary: '{{ $labels.pod }}'}\n"
    )
    (document,) = documents(text, variables=True)
    assert document.value["spec"] == {"summary": "{{ $labels.pod }}"} and not document.placeholder


def test_of_an_object_of_another_kind_nothing_is_told(tmp_path: Path) -> None:
    files = {
        "so.yaml": scaled_object(namespace="shop", target="gone"),
        "dep.yaml": workload("web", "shop").replace("image: i", "image: <IMAGE>"),
    }
    lines, noted = judged(tmp_path, files)
    assert [line.split(": ")[1] for line in lines] == ["target-missing"]
    assert not noted.unjudged
