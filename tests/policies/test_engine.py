"""The pack in the real engine: `pulumi preview` and `up` with --policy-pack policies, on small programs.

The provider renders YAML into a folder (`renderYamlToDirectory`), so no cluster is needed and the files are
what an update has created.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import pulumi_plugins
from lab.toolchain import tools

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 300  # seconds for one pulumi command, which takes a few on a machine of its own

START = """
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.helm.v4 import Chart

def meta(name):
    return {"name": name, "namespace": "voice"}

def scaled(name="voice", after=(), query="vector(1)"):
    reference = {"name": "voice-pipeline"}
    metadata = {"serverAddress": "http://prometheus:9090", "query": query, "threshold": "1",
        "ignoreNullValues": "false"}
    trigger = {"type": "prometheus", "metadata": metadata}
    return CustomResource(name, api_version="keda.sh/v1alpha1", kind="ScaledObject", metadata=meta(name),
        spec={"scaleTargetRef": reference, "maxReplicaCount": 3, "triggers": [trigger]},
        opts=pulumi.ResourceOptions(depends_on=after))

def hpa(after=(), parent=None, target="voice-pipeline"):
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return HorizontalPodAutoscaler("by-hand", metadata=meta("by-hand"),
        spec={"scaleTargetRef": reference, "maxReplicas": 3},
        opts=pulumi.ResourceOptions(depends_on=after, parent=parent))

def deployment(replicas=None, after=()):
    labels = {"app": "voice"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    return Deployment("voice-pipeline", metadata=meta("voice-pipeline"),
        spec={"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        opts=pulumi.ResourceOptions(depends_on=after))

# An id is not known before the object is created: what is made of it is unknown in a preview.
first = ConfigMap("first", metadata=meta("first"))
unknown = first.id.apply(lambda _: "vector(1)")
"""

BOTH_SCALE = "HorizontalPodAutoscaler voice/by-hand and ScaledObject voice/voice both scale Deployment"
BOTH_SCALE_CHART = "HorizontalPodAutoscaler voice/by-chart and ScaledObject voice/voice both scale Deployment"
TWO_SCALED = (
    "ScaledObject voice/night and ScaledObject voice/voice both scale Deployment voice/voice-pipeline"
)
FIXED = "Deployment voice/voice-pipeline sets spec.replicas: 2 and ScaledObject voice/voice scales it"

REFUSED = {
    "HPA before the ScaledObject": ("scaled(after=[hpa()])", "hpa", BOTH_SCALE),
    "HPA in a component after it": (
        "hpa(parent=pulumi.ComponentResource('my:mod:App', 'app'), after=[scaled()])",
        "hpa",
        BOTH_SCALE,
    ),
    "HPA in a chart": pytest.param(
        "scaled(); Chart('app', chart='./chart', namespace='voice')",
        "hpa",
        BOTH_SCALE_CHART,
        marks=pytest.mark.tools,  # helm
    ),
    "unknown values around it": (
        "scaled(query=unknown, after=[hpa(), ConfigMap('b', metadata=meta('b'), data={'id': unknown})])",
        "hpa",
        BOTH_SCALE,
    ),
    "two ScaledObjects": ("scaled('night'); scaled()", "scaledobject", TWO_SCALED),
    "fixed replicas": ("scaled(after=[deployment(2)])", "replicas", FIXED),
}
# One owner only; and only the update could tell: the preview must let it pass.
ACCEPTED = "deployment(after=[scaled(query=unknown)]); hpa(target='other')"
KNOWN_IN_UP = "hpa(target=unknown.apply(lambda _: 'voice-pipeline'), after=[scaled()])"
UNDECIDED = (
    "HorizontalPodAutoscaler voice/by-hand spec.scaleTargetRef.name is known only in the update, "
    "where keda-one-owner-* will read it before the object is created."
)


@dataclass(frozen=True)
class Stack:
    """A stack with a program of its own and a file backend beside it."""

    folder: Path
    environment: dict[str, str]

    def program(self, body: str) -> None:
        (self.folder / "__main__.py").write_text(f"{START}\n{body}\n")

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        )

    def created(self) -> list[str]:
        """The rendered objects, as `kind-namespace-name`."""
        return sorted(file.stem.split("-", 1)[1] for file in (self.folder / "out").glob("1-manifest/*.yaml"))


@pytest.fixture(scope="session")
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Pulumi, the plugins (released or stand-ins), and helm where a chosen test is marked `tools`."""
    with_tools = any(item.get_closest_marker("tools") for item in request.session.items)
    found = tools.ensure(["pulumi", "helm"] if with_tools else ["pulumi"])
    variables, _ = pulumi_plugins.plugin_environment(found["pulumi"], tmp_path_factory.mktemp("home"))
    folders = [Path(sys.executable).parent, *(tool.parent for tool in found.values())]
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    settings = {"NO_COLOR": "1", "PULUMI_CONFIG_PASSPHRASE": "test", "PULUMI_SKIP_UPDATE_CHECK": "true"}
    return {**os.environ, **variables, **settings, "PATH": path}


@pytest.fixture
def stack(tmp_path: Path, environment: dict[str, str]) -> Stack:
    return _stack(tmp_path, environment)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Stack:
    """A stack for previews only: it stays empty, and every test sets its own program."""
    return _stack(tmp_path_factory.mktemp("bare"), environment)


def _stack(folder: Path, environment: dict[str, str]) -> Stack:
    environment = environment | {"PULUMI_BACKEND_URL": folder.as_uri()}
    stack = Stack(folder, environment)
    (folder / "Pulumi.yaml").write_text("name: pack-test\nruntime: python\n")
    templates = folder / "chart" / "templates"
    templates.mkdir(parents=True)
    (folder / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
    (templates / "hpa.yaml").write_text(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
        "metadata: {name: by-chart, namespace: {{ .Release.Namespace }}}\n"
        "spec:\n  maxReplicas: 3\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: voice-pipeline}\n"
    )
    for command in (
        ["stack", "init", "test"],
        ["config", "set", "kubernetes:renderYamlToDirectory", str(folder / "out")],
    ):
        assert stack.pulumi(*command).returncode == 0
    return stack


PACK = ("--policy-pack", str(ROOT / "policies"))


def configured(stack: Stack, config: dict[str, Any]) -> tuple[str, ...]:
    """The pack with a policy config file."""
    (stack.folder / "config.json").write_text(json.dumps(config))
    return (*PACK, "--policy-pack-config", "config.json")


@pytest.mark.parametrize(("body", "rule", "message"), REFUSED.values(), ids=REFUSED)
def test_a_second_owner_fails_the_preview_with_one_line(
    bare: Stack, body: str, rule: str, message: str
) -> None:
    bare.program(body)
    preview = bare.pulumi("preview", *PACK)
    assert preview.returncode != 0, preview.stdout
    assert preview.stdout.count(f"[mandatory] [severity: high]  keda-one-owner-{rule} ") == 1, preview.stdout
    (line,) = [line.strip() for line in preview.stdout.splitlines() if message in line]
    assert "urn:pulumi:test::pack-test::" in line
    assert preview.stdout.count("[mandatory]") == 1
    assert preview.stdout.count("[advisory]") == preview.stdout.count("is known only in the update")


def test_one_owner_passes_preview_and_update(stack: Stack) -> None:
    stack.program(ACCEPTED)
    update = stack.pulumi("up", "--yes", *PACK)
    assert update.returncode == 0, update.stdout
    assert "[mandatory]" not in update.stdout
    assert update.stdout.count("[advisory]") == 1  # in the preview, the query that it does not know
    assert "spec.triggers[0].metadata.query is known only in the update" in update.stdout
    assert len(stack.created()) == 4


def test_a_conflict_that_the_preview_can_know_creates_nothing(bare: Stack) -> None:
    bare.program("scaled(query=unknown, after=[hpa()])")
    update = bare.pulumi("up", "--yes", *PACK)
    assert update.returncode != 0, update.stdout
    assert BOTH_SCALE in update.stdout
    assert bare.created() == []


def test_a_second_owner_known_only_in_the_update_is_stopped_before_it_is_created(stack: Stack) -> None:
    stack.program(KNOWN_IN_UP)
    preview = stack.pulumi("preview", *PACK)
    assert preview.returncode == 0, preview.stdout
    assert preview.stdout.count(UNDECIDED) == 1, preview.stdout
    update = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert update.returncode != 0, update.stdout
    assert update.stdout.count(BOTH_SCALE) == 1, update.stdout
    assert not any("by-hand" in name for name in stack.created())
    assert any("scaledobject" in name for name in stack.created())
    # What was created by then is in the state: it can be judged without the program.
    exported = stack.pulumi("stack", "export", "--file", "state.json")
    assert exported.returncode == 0, exported.stdout
    analysis = stack.pulumi("policy", "analyze", "--file", "state.json", *PACK)
    assert analysis.returncode == 0, analysis.stdout


def test_the_resource_half_stands_alone_where_a_step_fails(bare: Stack) -> None:
    """Pulumi asks no stack policy then: the note of unknown fields, which is one, stays away."""
    late = "opts=pulumi.ResourceOptions(depends_on=[second])"
    broken = f"Chart('broken', chart='./no-such-chart', {late})"
    # In order, for a broken chart ends the program at once.
    bare.program(f"second = scaled('night', after=[{KNOWN_IN_UP}]); {broken}")
    preview = bare.pulumi("preview", *PACK)
    assert preview.returncode != 0, preview.stdout
    assert preview.stdout.count(TWO_SCALED) == 1, preview.stdout
    assert "keda-rules-undecided" not in preview.stdout


def test_levels_are_those_of_both_halves_and_each_finding_is_told_once(bare: Stack) -> None:
    """With an advisory the stack half runs as well."""
    bare.program("scaled(after=[hpa()])")
    advisory = bare.pulumi("preview", *configured(bare, {"keda-one-owner-hpa": "advisory"}))
    assert advisory.returncode == 0, advisory.stdout
    assert advisory.stdout.count(BOTH_SCALE) == 1
    disabled = bare.pulumi("preview", *configured(bare, {"keda-one-owner-hpa": "disabled"}))
    assert disabled.returncode == 0, disabled.stdout
    assert BOTH_SCALE not in disabled.stdout


def test_settings_exclusions_and_sources_are_read_from_the_config_file(bare: Stack) -> None:
    bare.program("scaled(); hpa(target='other'); deployment(2)")
    (bare.folder / "flux").mkdir()
    (bare.folder / "flux" / "hpa.yaml").write_text(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
        "metadata: {name: in-git, namespace: voice}\n"
        "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "
        "voice-pipeline}}\n"
    )
    excluded = [{"object": "Deployment voice/*", "reason": "its chart always renders replicas"}]
    config = {
        "keda-replicas-ceiling": {"ceiling": 2},
        "keda-one-owner-replicas": {"excluded": excluded},
        "keda-one-owner-sources": {"manifests": [str(bare.folder / "flux")]},
        "keda-namespaces-allowed": {"allowed": ["team-*"], "enforcementLevel": "advisory"},
    }
    preview = bare.pulumi("preview", *configured(bare, config))
    assert preview.returncode != 0, preview.stdout
    assert "spec.maxReplicaCount: 3 is above the ceiling of 2" in preview.stdout
    assert "HorizontalPodAutoscaler voice/in-git and ScaledObject voice/voice both scale" in preview.stdout
    assert "flux/hpa.yaml:1" in preview.stdout
    assert preview.stdout.count("[mandatory]") == 2 and preview.stdout.count("[advisory]") == 1
    assert FIXED not in preview.stdout


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"keda-one-owner-hpa": {"excluded": [{"object": "*"}]}}, "excluded.0: reason is required"),
        (
            {"keda-gpu-budget": {"capacity": "four"}},
            "capacity: Invalid type. Expected: integer, given: string",
        ),
    ],
)
def test_a_wrong_config_is_told(bare: Stack, config: dict[str, Any], message: str) -> None:
    bare.program("scaled()")
    preview = bare.pulumi("preview", *configured(bare, config))
    assert preview.returncode != 0
    assert message in preview.stdout, preview.stdout


def test_a_foreign_programs_state_is_judged_without_it(bare: Stack) -> None:
    """The state of foreign/Pulumi.yaml, made by Pulumi's own YAML language."""
    state = Path(__file__).parent / "foreign" / "state.json"
    analysis = bare.pulumi("policy", "analyze", "--file", str(state), *PACK)
    assert analysis.returncode != 0, analysis.stdout
    for rule in ("one-owner-hpa", "one-owner-replicas", "credentials-plain", "replicas-ceiling"):
        assert analysis.stdout.count(f"  keda-{rule}  ") == 1, analysis.stdout
    assert "hunter2" not in analysis.stdout
