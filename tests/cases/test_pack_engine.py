"""The programs among the samples, in the real engine with the policy pack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cases.kinds import PACK, Refusal
from tests.cases.test_answers import SHARED, beside
from tests.engine.conftest import Cluster, cluster, found  # noqa: F401
from tests.policies.test_engine import PACK as WITH_PACK
from tests.policies.test_engine import Stack, environment  # noqa: F401

pytestmark = [pytest.mark.engine, pytest.mark.tools, beside]  # one renders a chart, with helm


HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "keda-hpa-voice", "namespace": "voice"},
    "spec": {
        "maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "voice-pipeline"},
    },
}


@pytest.mark.parametrize(("sample", "answer"), [each for each in PACK.items() if not each[1].needs_cluster])
def test_a_program(sample: str, answer: Refusal, tmp_path: Path, environment: dict[str, str]) -> None:  # noqa: F811
    judged(sample, answer, tmp_path, environment)


@pytest.mark.parametrize(("sample", "answer"), [each for each in PACK.items() if each[1].needs_cluster])
def test_a_program_that_reads_a_cluster(
    sample: str,
    answer: Refusal,
    tmp_path: Path,
    environment: dict[str, str],  # noqa: F811
    cluster: Cluster,  # noqa: F811
) -> None:
    """On an API server that has the HPA."""
    cluster.kubectl("create", "namespace", "voice")
    cluster.kubectl("create", "-f", "-", stdin=HPA)
    judged(sample, answer, tmp_path, environment | {"KUBECONFIG": str(cluster.kubeconfig)})


def judged(sample: str, answer: Refusal, tmp_path: Path, environment: dict[str, str]) -> None:  # noqa: F811
    """Previews a sample with the pack, and compares."""
    folder = tmp_path / "program"
    shutil.copytree(SHARED / "pack" / sample, folder)
    (folder / "Pulumi.yaml").write_text("name: pack-test\nruntime: python\n", "utf-8")
    stack = Stack(folder, environment | {"PULUMI_BACKEND_URL": tmp_path.as_uri()})
    assert stack.pulumi("stack", "init", "test").returncode == 0
    config = ("--policy-pack-config", "cfg.json") if (folder / "cfg.json").exists() else ()
    done = stack.pulumi("preview", *WITH_PACK, *config)
    if "the stand-in provider has server-side apply only" in done.stdout:
        pytest.skip("it needs the released provider: client-side apply")
    shown = done.stdout.partition("Policies:")[2] or done.stdout
    assert (done.returncode != 0) == answer.refused, done.stdout
    assert [words for words in answer.has if words not in shown] == [], done.stdout
    assert [words for words in answer.never if words in done.stdout] == []
