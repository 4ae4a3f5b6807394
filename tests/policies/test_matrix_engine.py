"""A sample of the matrix in the real engine: every kind of owner once, all of them together in two previews.

The places (literal, component, chart, file, cluster), the order and the values around take turns. The cluster
is an HTTP server with the answers of an API server.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from keda.ownership.envoy_gateway import proxy_deployment
from tests.policies.cluster import cluster, managed
from tests.policies.kinds_of_owners import KINDS, PROXY, Kind
from tests.policies.manifests import Manifest
from tests.policies.test_engine import PACK, Stack, environment, stack  # noqa: F401
from tests.policies.test_matrix import beside

pytestmark = [pytest.mark.engine, pytest.mark.tools]  # it renders charts, with helm

PLACES = {
    "literal": "urn:pulumi:test::pack-test::kubernetes:",
    "component": "::app:index:App$kubernetes:",
    "chart": "::kubernetes:helm.sh/v4:Chart$kubernetes:",
    "file": "/manifests/all.yaml:",
    "cluster": " at live cluster homelab: ",
}
VALUES = ("plain", "@unknown", "@secret")
SECRET = "hunter2"

PROGRAM = """
import json
from pathlib import Path
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.helm.v4 import Chart

# An id is not known before the object is created: what is made of it is unknown in a preview.
values = {"@unknown": ConfigMap("first").id, "@secret": pulumi.Output.secret("hunter2")}

def filled(value):
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [filled(each) for each in value]
    return values.get(value, value) if isinstance(value, str) else value

before = []
for half in ("before", "after"):
    made = []
    for number, (place, manifest) in enumerate(json.loads(Path(f"{half}.json").read_text())):
        name = f"{half}-{number}"
        parent = pulumi.ComponentResource("app:index:App", f"app-{name}") if place == "component" else None
        given = filled(manifest)
        made.append(CustomResource(name, api_version=given.pop("apiVersion"), kind=given.pop("kind"),
            metadata=given.pop("metadata"), spec=given.pop("spec"),
            opts=pulumi.ResourceOptions(parent=parent, depends_on=before)))
    made.append(Chart(half, chart=f"./charts/{half}", opts=pulumi.ResourceOptions(depends_on=before)))
    before = made
"""


@dataclass(frozen=True)
class Pair:
    """One kind in a namespace of its own, and where its second owner is declared."""

    name: str
    kind: Kind
    place: str
    before: bool
    value: str

    @property
    def scaled(self) -> Manifest:
        return beside(self._own(self.kind.scaled), self.value)

    def others(self, kind: Kind) -> list[Manifest]:
        in_program = self.place in ("literal", "component")
        return [beside(self._own(each), self.value if in_program else "plain") for each in kind.others]

    def _own(self, manifest: Manifest) -> Manifest:
        """The manifest under names of its own, so that the pairs do not meet."""
        text = json.dumps(manifest)
        for old, new in (
            (PROXY, proxy_deployment(f"{self.name}/edge")),
            (proxy_deployment("eg"), proxy_deployment(f"eg-{self.name}")),
            ('"eg"', f'"eg-{self.name}"'),
            ('"voice"', f'"{self.name}"'),
            ('"keda-hpa-voice"', f'"keda-hpa-{self.name}"'),
        ):
            text = text.replace(old, new)
        own: Manifest = json.loads(text)
        return own


def pairs() -> list[Pair]:
    found = []
    for number, kind in enumerate(KINDS.values()):
        place = list(PLACES)[number % len(PLACES)]
        if place == "cluster" and not kind.live:
            place = "file"
        found.append(Pair(f"pair-{number:02}", kind, place, number % 2 == 0, VALUES[number % len(VALUES)]))
    return found


def write(folder: Path, chosen: list[tuple[Pair, list[Manifest]]]) -> None:
    """The program's objects, the charts and the files."""
    halves: dict[bool, list[tuple[str, Manifest]]] = {True: [], False: []}
    charts: dict[bool, list[Manifest]] = {True: [], False: []}
    files: list[Manifest] = []
    for pair, others in chosen:
        halves[not pair.before].append(("literal", pair.scaled))
        if pair.place in ("literal", "component"):
            halves[pair.before] += [(pair.place, each) for each in others]
        elif pair.place == "chart":
            charts[pair.before] += others
        elif pair.place == "file":
            files += others
    for before, name in ((True, "before"), (False, "after")):
        (folder / f"{name}.json").write_text(json.dumps(halves[before]))
        templates = folder / "charts" / name / "templates"
        templates.mkdir(parents=True)
        (templates.parent / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n")
        (templates / "all.yaml").write_text(yaml.safe_dump_all(charts[before]))
    (folder / "manifests").mkdir()
    (folder / "manifests" / "all.yaml").write_text(yaml.safe_dump_all(files))
    (folder / "__main__.py").write_text(PROGRAM)


@pytest.fixture
def api_server() -> Iterator[tuple[str, list[Manifest]]]:
    """(address, the objects it holds)."""
    objects: list[Manifest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = cluster(*objects, page=100)(self.path)
            body = json.dumps(answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", objects
    server.shutdown()
    server.server_close()


def preview(on: Stack, api: tuple[str, list[Manifest]], chosen: list[tuple[Pair, list[Manifest]]]) -> Any:
    write(on.folder, chosen)
    address, objects = api
    objects += [
        managed(each, "helm-controller", {"f:spec": {"f:replicas": {}}}, operation="Apply")
        for pair, others in chosen
        if pair.place == "cluster"
        for each in others
    ]
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "homelab",
        "contexts": [{"name": "homelab", "context": {"cluster": "homelab", "user": "homelab"}}],
        "clusters": [{"name": "homelab", "cluster": {"server": address}}],
        "users": [{"name": "homelab", "user": {"token": SECRET}}],
    }
    (on.folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    sources = {
        "manifests": [str(on.folder / "manifests")],
        "cluster": {"kubeconfig": str(on.folder / "kubeconfig")},
    }
    rules = ("hpa", "scaledobject", "replicas", "controller", "vpa")
    config = {
        "all": "disabled",
        **{f"keda-one-owner-{rule}": "mandatory" for rule in rules},
        "keda-one-owner-sources": {"enforcementLevel": "mandatory", **sources},
    }
    (on.folder / "config.json").write_text(json.dumps(config))
    return on.pulumi("preview", *PACK, "--policy-pack-config", "config.json")


def test_every_kind_of_owner_is_refused_in_one_line(
    stack: Stack,  # noqa: F811
    api_server: tuple[str, list[Manifest]],
) -> None:
    chosen = [(pair, pair.others(pair.kind)) for pair in pairs()]
    assert {pair.place for pair, _ in chosen} == set(PLACES)
    result = preview(stack, api_server, chosen)
    assert result.returncode != 0, result.stdout
    lines = [line.strip() for line in result.stdout.splitlines() if " Declared: " in line]
    for pair, _ in chosen:
        told = [line for line in lines if pair.name in line]
        assert len(told) == 1, (pair, told, result.stdout)
        assert PLACES[pair.place] in told[0]
    assert len(lines) == len(chosen)
    headings = Counter(
        line.split("keda-one-owner-")[1].split()[0]
        for line in result.stdout.splitlines()
        if "[mandatory]" in line
    )
    assert headings == Counter(pair.kind.rule for pair, _ in chosen)
    assert SECRET not in result.stdout


def test_their_peaceful_twins_pass(
    stack: Stack,  # noqa: F811
    api_server: tuple[str, list[Manifest]],
) -> None:
    chosen = [(pair, pair.others(pair.kind.with_value(pair.kind.instead))) for pair in pairs()]
    result = preview(stack, api_server, chosen)
    assert result.returncode == 0, result.stdout
    assert "[mandatory]" not in result.stdout and " Declared: " not in result.stdout
