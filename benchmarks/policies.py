"""What the policy pack costs: its time for 100, 1,000 and 5,000 resources, and its share of a real preview.

    python -m benchmarks.policies [--resources 100 1000 5000] [--preview 100 1000]

The first table asks the pack as the engine does, SDK included, without an engine: one call for each resource,
then one for the stack. The second runs `pulumi preview` on a program of so many resources with and without
the pack; its provider renders YAML, so there is no cluster to wait for, and a preview on a real one takes
longer. CPU is what all processes of a run were charged together: unlike the time on the wall it does not grow
with what else the machine does.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

import pulumi_plugins
from lab.toolchain import tools
from policies.operation import Operation
from policies.pack import levels, policies, settings
from policies.service import extend

ROOT = Path(__file__).resolve().parent.parent
PACK = ("--policy-pack", str(ROOT / "policies"))


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU and on the wall."""

    cpu: float
    wall: float


def manifests(count: int) -> Iterator[dict[str, Any]]:
    """A program of `count` resources, every third a ScaledObject with a query; none is refused."""
    for index in range(count):
        app = index // 3
        name = f"app-{app}"
        metadata = {"name": name, "namespace": f"team-{app % 20}", "labels": {"app": name}}
        pod = {"containers": [{"name": "app", "image": "app:1", "resources": {"requests": {"cpu": "100m"}}}]}
        template = {"metadata": {"labels": {"app": name}}, "spec": pod}
        query = {
            "serverAddress": "http://prometheus.monitoring:9090",
            "query": f'sum(rate(http_requests_total{{app="{name}"}}[2m]))',
            "threshold": "5",
            "ignoreNullValues": "false",
        }
        scaling = {
            "scaleTargetRef": {"name": name},
            "minReplicaCount": 1,
            "maxReplicaCount": 3,
            "triggers": [{"type": "prometheus", "metadata": query}],
        }
        kinds: list[dict[str, Any]] = [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
            },
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"settings": "a: 1\n" * 20}},
            {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "spec": scaling},
        ]
        yield kinds[index % 3] | {"metadata": metadata}


def measured(work: Callable[[], None]) -> Cost:
    """The cost of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def asked(count: int) -> tuple[Cost, Cost]:
    """(What the calls for each resource cost, and the one for the stack.)"""
    servicer = cast(Any, type("_PolicyAnalyzerServicer", (_PolicyAnalyzerServicer,), {}))
    operation = Operation()
    extend(servicer, operation, settings(), levels())
    server = servicer("bench", "0.0.1", policies(operation), EnforcementLevel.MANDATORY)
    requests, stack = [], analyzer_pb2.AnalyzeStackRequest()
    for manifest in manifests(count):
        token = f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}"
        name = manifest["metadata"]["name"]
        properties = struct_pb2.Struct()
        properties.update(manifest)
        same = {
            "type": token,
            "urn": f"urn:pulumi:a::b::{token}::{name}",
            "name": name,
            "properties": properties,
        }
        requests.append(analyzer_pb2.AnalyzeRequest(**same))
        stack.resources.append(analyzer_pb2.AnalyzerResource(**same))

    def each() -> None:
        for request in requests:
            _unanswered(server.Analyze(request, None))

    return measured(each), measured(lambda: _unanswered(server.AnalyzeStack(stack, None)))


def _unanswered(response: Any) -> None:
    assert not response.diagnostics, response


class Previews:
    """A stack in a folder, with a program of a given number of resources."""

    def __init__(self, folder: Path) -> None:
        found = tools.ensure(["pulumi", "helm"])
        variables, _ = pulumi_plugins.plugin_environment(found["pulumi"], folder / "home")
        path = [Path(sys.executable).parent, *(tool.parent for tool in found.values()), os.environ["PATH"]]
        self._environment = {
            **os.environ,
            **variables,
            "PULUMI_CONFIG_PASSPHRASE": "benchmark",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_BACKEND_URL": folder.as_uri(),
            "PATH": os.pathsep.join(map(str, path)),
        }
        self._folder = folder
        (folder / "Pulumi.yaml").write_text("name: benchmark\nruntime: python\n")
        self.pulumi("stack", "init", "test")
        self.pulumi("config", "set", "kubernetes:renderYamlToDirectory", str(folder / "out"))

    def preview(self, count: int, *arguments: str) -> Cost:
        (self._folder / "__main__.py").write_text(
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from benchmarks.policies import register\n"
            f"register({count})\n"
        )
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        self.pulumi("preview", *arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Cost(cpu, time.perf_counter() - wall)

    def pulumi(self, *arguments: str) -> None:
        subprocess.run(
            ["pulumi", *arguments],
            cwd=self._folder,
            env=self._environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=1800,
        )


def register(count: int) -> None:
    """The program of a preview."""
    import pulumi

    for index, manifest in enumerate(manifests(count)):
        token = f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}"
        if manifest["apiVersion"] == "v1":
            token = f"kubernetes:core/v1:{manifest['kind']}"
        pulumi.CustomResource(token, str(index), manifest)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.policies")
    parser.add_argument("--resources", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--preview", type=int, nargs="*", default=[100, 1000])
    chosen = parser.parse_args()
    gc.disable()  # as policies/__main__.py does
    print("| resources | each, CPU s | stack, CPU s | CPU ms per resource | wall s |\n|---|---|---|---|---|")
    for count in chosen.resources:
        each, stack = asked(count)
        cpu = each.cpu + stack.cpu
        print(
            f"| {count} | {each.cpu:.2f} | {stack.cpu:.2f} | {1000 * cpu / count:.2f} "
            f"| {each.wall + stack.wall:.2f} |",
            flush=True,
        )
    if not chosen.preview:
        return
    print("\n| preview of | without, CPU s (wall) | with the pack | times |\n|---|---|---|---|")
    for count in chosen.preview:
        with tempfile.TemporaryDirectory() as folder:
            previews = Previews(Path(folder))
            bare, packed = previews.preview(count), previews.preview(count, *PACK)
        print(
            f"| {count} | {bare.cpu:.1f} ({bare.wall:.0f}) | {packed.cpu:.1f} ({packed.wall:.0f}) "
            f"| {packed.cpu / bare.cpu:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
