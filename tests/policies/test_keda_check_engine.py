"""`keda check` in the real engine: failing examples are refused in one preview, valid ones pass."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from keda.manifests.documents import documents
from tests.policies.test_engine import PACK, Stack, bare, configured, environment  # noqa: F401

pytestmark = pytest.mark.engine

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "check"
SAMPLE = (
    *("replica-bounds", "unknown-scaler", "misspelt-parameter", "query-syntax", "unknown-field"),
    *("wrong-type", "trigger-parameter", "metric-type", "no-triggers", "modifiers-formula", "hpa-behavior"),
    *("unknown-container", "target-missing", "unknown-secret", "authentication-gives-nothing"),
)
PASSING = (
    *("voice-pipeline", "rabbitmq-worker", "kafka-consumer", "postgres-outbox", "redis-list-env", "sqs-eks"),
    *("statefulset-memory", "office-hours", "envoy-gateway", "ray-serve", "video-encoder", "vault"),
    *("workload-follows", "rule-replica-bounds", "rule-query-nan"),
)
PROGRAM = """
import json
from pathlib import Path
import pulumi

for number, manifest in enumerate(json.loads(Path("objects.json").read_text())):
    version = manifest["apiVersion"]
    group = version if "/" in version else f"core/{version}"
    pulumi.CustomResource(f"kubernetes:{group}:{manifest['kind']}", str(number), manifest)
"""


def objects(folder: str, names: tuple[str, ...]) -> list[Any]:
    """The objects of these files, each file's in a namespace of its own, so that none meets another's."""
    found = []
    for number, name in enumerate(names):
        for each in documents((CORPUS / folder / f"{name}.yaml").read_text("utf-8")):
            manifest = copy.deepcopy(each.value)
            if manifest["metadata"].get("namespace"):
                manifest["metadata"]["namespace"] = f"team-{number}"
            found.append(manifest)
    return found


def preview(stack: Stack, manifests: list[Any], *arguments: str) -> Any:
    (stack.folder / "__main__.py").write_text(PROGRAM)
    (stack.folder / "objects.json").write_text(json.dumps(manifests))
    return stack.pulumi("preview", *arguments)


def test_failing_examples_are_refused_in_the_preview(bare: Stack) -> None:  # noqa: F811
    done = preview(bare, objects("invalid", SAMPLE), *configured(bare, {"keda-check": "advisory"}))
    missing = [rule for rule in SAMPLE if f"[{rule}]" not in done.stdout]
    assert missing == [], done.stdout
    first = preview(bare, objects("invalid", SAMPLE[:1]), *PACK)
    assert first.returncode != 0 and "[mandatory] [severity: high]  keda-check " in first.stdout, first.stdout


def test_valid_objects_pass_the_preview(bare: Stack) -> None:  # noqa: F811
    done = preview(bare, objects("valid", PASSING), *PACK)
    assert done.returncode == 0, done.stdout
    assert "[mandatory]" not in done.stdout


MISTAKES = {
    "an unknown key of an advisory rule": (
        {"keda-version-drift": {"versoin": "2.19.0"}},
        "policy config keda-version-drift.versoin: unknown key. No rule reads it. Write version.",
    ),
    "a rule that does not exist": (
        {"keda-one-owner-hpas": {"excluded": []}},
        "policy config keda-one-owner-hpas: is not a rule, so it has no effect. Write keda-one-owner-hpa.",
    ),
    "a rule that does not exist, with a level": (
        {"keda-chek": "disabled"},
        "policy config keda-chek: is not a rule, so it has no effect. Write keda-check.",
    ),
    "no reason": (
        {"keda-check": {"excluded": [{"object": "ScaledObject a/b", "reason": "x"}]}},
        "policy config keda-check.excluded[0].reason: is not a reason.",
    ),
}


@pytest.mark.parametrize(("config", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_config_ends_the_command(
    bare: Stack,  # noqa: F811
    config: dict[str, Any],
    line: str,
) -> None:
    done = preview(bare, [], *configured(bare, config))
    assert done.returncode != 0
    assert line in done.stdout, done.stdout


def test_the_settings_of_the_programs_folder_hold(bare: Stack) -> None:  # noqa: F811
    file = bare.folder / "keda.toml"
    try:
        file.write_text('severity = {unknown-scaler = "warning"}\nignore = ["replica-bounds"]')
        done = preview(bare, objects("invalid", SAMPLE[:2]), *PACK)
        assert done.returncode == 0, done.stdout
        assert "[advisory] [severity: low]  keda-check-advice" in done.stdout
        assert "[unknown-scaler]" in done.stdout and "[replica-bounds]" not in done.stdout
        file.write_text("ignored = []")
        done = preview(bare, [], *PACK)
        assert done.returncode != 0
        assert "keda.toml: ignored is not a setting. Did you mean ignore?" in done.stdout
    finally:
        file.unlink()


AROUND = """
from pulumi_kubernetes import Provider
files = Provider("files", render_yaml_to_directory="out")
options = pulumi.ResourceOptions(provider=files)
reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "voice-pipeline"}
"""


def test_files_are_found_from_the_programs_folder_and_names_are_escaped(bare: Stack) -> None:  # noqa: F811
    (bare.folder / "tree").mkdir(exist_ok=True)
    (bare.folder / "tree" / "hpa.yaml").write_text(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
        "metadata: {name: in-git, namespace: voice}\n"
        "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "
        "voice-pipeline}}\n"
    )
    bare.program(
        AROUND + "spec = {'maxReplicas': 3, 'scaleTargetRef': reference}\n"
        "name = 'odd\\x1b[31m\\nFAKE'\n"
        "HorizontalPodAutoscaler('odd', metadata=meta(name), spec=spec, opts=options)\n"
        "trigger = {'type': 'kubernetes-workload', 'metadata': {'podSelector': 'app=a', 'value': '1'}}\n"
        "hidden = {'name': pulumi.Output.secret('hidden-name'), 'namespace': 'voice'}\n"
        "CustomResource('s', api_version='keda.sh/v1alpha1', kind='ScaledObject', metadata=hidden,"
        " opts=options, spec={'scaleTargetRef': reference, 'maxReplicaCount': 3, 'triggers': [trigger]})\n"
    )
    config = {"keda-one-owner-sources": {"manifests": ["tree"]}, "keda-one-owner-hpa": "advisory"}
    done = bare.pulumi("preview", *configured(bare, config))
    assert "HorizontalPodAutoscaler voice/in-git and ScaledObject voice/(secret) both scale" in done.stdout
    assert "voice/odd\\x1b[31m\\nFAKE" in done.stdout and "\x1b[31m" not in done.stdout
    assert "hidden-name" not in done.stdout
