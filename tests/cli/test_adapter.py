"""Leaving Prometheus Adapter and coming back: what is planned, what is refused, and what is taken back."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from cli.adapter import cluster as adapter_cluster
from cli.adapter.cluster import APISERVICE, Key, key, owner
from cli.adapter.command import back, leave
from cli.errors import CommandError
from cli.helm_release import StoredRelease
from cli.kubectl import Kubectl
from keda.adoption.native import native
from keda.adoption.prometheus_adapter import read_rules
from keda.adoption.translate import adopt

AUTHORITY = base64.b64encode(b"CA").decode()
ADAPTER, KEDAS = ("monitoring", "prometheus-adapter"), ("keda", "keda-operator-metrics-apiserver")
RULES = read_rules(
    {
        "externalRules": [{"seriesQuery": "waiting", "resources": {"template": "<<.Resource>>"}}],
        "rules": [{"seriesQuery": "requests", "resources": {"template": "<<.Resource>>"}}],
    }
)
AVERAGE = {"type": "AverageValue", "averageValue": "1"}


def hpa(name: str, kind: str, metric: str) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "managedFields": []},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "maxReplicas": 5,
            "metrics": [{"type": kind, kind.lower(): {"metric": {"name": metric}, "target": AVERAGE}}],
        },
    }


class Fake(Kubectl):
    """A cluster with two HPAs of the adapter. KEDA writes an HPA as soon as its ScaledObject is applied."""

    def __init__(self) -> None:
        self.hpas = {("shop", each["metadata"]["name"]): each for each in self._hpas()}
        self.scaled: dict[Key, dict[str, Any]] = {}
        self.route: dict[str, Any] = {
            "service": {"namespace": ADAPTER[0], "name": ADAPTER[1]},
            "insecureSkipTLSVerify": True,
        }
        self.args = ["--enable-cert-rotation=false", "--cert-secret-name=certs"]
        self.ready = 1
        self.dead: tuple[str, str] | None = None  # a server that answers nothing
        self.asleep: Key | None = None  # an HPA whose target is at 0
        self.resources = False  # the adapter serves cpu and memory too
        self.stored: dict[str, Any] = {}  # the Helm release of the adapter
        self.calls: list[str] = []

    @staticmethod
    def _hpas() -> list[dict[str, Any]]:
        return [hpa("queue", "External", "waiting"), hpa("api", "Pods", "requests")]

    def items(self, *args: str) -> list[dict[str, Any]]:
        kind, *words = args
        match kind:
            case "apiservices" if words[0] == "v1beta1.metrics.k8s.io":
                service = {"namespace": ADAPTER[0], "name": ADAPTER[1]}
                return [{"spec": {"service": service}}] if self.resources else []
            case "apiservices":
                release = {"meta.helm.sh/release-name": "pa", "meta.helm.sh/release-namespace": ADAPTER[0]}
                annotations = release if self.stored else {}
                return [{"metadata": {"annotations": annotations}, "spec": self.route}] if self.route else []
            case "secrets":
                return [self.stored] if self.stored else []
            case "configmaps":
                return []
            case "deployments" | "services":
                label = words[-1].partition("=")[2]
                namespace = "monitoring" if label == "prometheus-adapter" else "keda"
                pod = {"template": {"spec": {"containers": [{"args": self.args}]}}}
                metadata = {"namespace": namespace, "name": label}
                return [{"metadata": metadata, "spec": pod, "status": {"readyReplicas": self.ready}}]
            case "scaledobject":
                return [self.scaled[words[1].removeprefix("--namespace="), words[0]]]
        return [{**each, "status": self._status(each)} for each in self.hpas.values()]

    def call(self, *args: str, stdin: str = "") -> str:
        self.calls.append(" ".join(args[:3]))
        match args[0]:
            case "get":
                assert args[2] == "certs"
                return AUTHORITY
            case "replace":
                self.stored = json.loads(stdin)
            case "patch":
                self.route = json.loads(args[-1])["spec"]
            case "delete":
                assert args[-1] == "--cascade=orphan"
                self.scaled.pop((args[3].removeprefix("--namespace="), args[2]))
                for each in self.hpas.values():
                    if owner(each) == args[2]:
                        del each["metadata"]["ownerReferences"]
            case "apply" if "--dry-run=server" not in args:
                for item in json.loads(stdin)["items"]:
                    self._applied(item)
        return ""

    def _applied(self, item: dict[str, Any]) -> None:
        if item["kind"] == "HorizontalPodAutoscaler":
            self.hpas[key(item)]["spec"] = item["spec"]
            return
        assert item["metadata"]["annotations"]["scaledobject.keda.sh/transfer-hpa-ownership"] == "true"
        self.scaled[key(item)] = item
        taken = self.hpas["shop", item["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["name"]]
        taken["metadata"]["ownerReferences"] = [{"kind": "ScaledObject", "name": item["metadata"]["name"]}]
        metric = {"metric": {"name": "s0-prometheus"}, "target": AVERAGE}
        taken["spec"] = {**taken["spec"], "metrics": [{"type": "External", "external": metric}]}

    def _status(self, each: dict[str, Any]) -> dict[str, Any]:
        [metric] = each["spec"]["metrics"]
        side = (self.route["service"]["namespace"], self.route["service"]["name"])
        needed = KEDAS if owner(each) else ADAPTER
        served = metric["type"] == "Pods" or (side == needed and side != self.dead)
        reason = "ScalingDisabled" if key(each) == self.asleep else "ValidMetricFound"
        condition = {"type": "ScalingActive", "status": str(served), "reason": reason}
        return {"conditions": [condition], "currentMetrics": [metric] if served else []}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits a minute for a server that answers nothing."""
    clock = iter(range(0, 10**6, 30))
    fast = SimpleNamespace(monotonic=lambda: float(next(clock)), sleep=lambda seconds: None)
    monkeypatch.setattr(adapter_cluster, "time", fast)


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    file = tmp_path / "scaledobjects.yaml"
    made = [adopt(each, "http://p:9090", RULES).scaled_object.to_manifest() for each in Fake._hpas()]
    file.write_text(yaml.safe_dump_all(made))
    return file


def agree() -> None:
    """The user says yes."""


def test_there_external_first_and_the_rest_after_it(
    scaled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = Fake()
    leave(fake, scaled, tmp_path / "backup", agree)
    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        f"Found: {APISERVICE} is served by Service monitoring/prometheus-adapter",
        "       HPA shop/queue (External) -> ScaledObject shop/queue, with the switch",
        "       HPA shop/api (Pods) -> ScaledObject shop/api, after it",
    ]
    assert [line.split()[1] for line in err.splitlines()] == ["1", "2", "3", "4"]
    assert fake.route == {
        "service": {"namespace": KEDAS[0], "name": KEDAS[1], "port": 443},
        "insecureSkipTLSVerify": False,
        "caBundle": AUTHORITY,
    }
    changes = [call for call in fake.calls if not call.startswith("get")]
    assert changes[2:] == [
        "apply --server-side --force-conflicts",
        f"patch apiservice {APISERVICE}",
        "apply --server-side --force-conflicts",
    ]
    assert {owner(each) for each in fake.hpas.values()} == {"queue", "api"}
    files = sorted((tmp_path / "backup").iterdir())
    assert [stat.S_IMODE(each.stat().st_mode) for each in files] == [0o600, 0o600]
    kept = json.loads(files[1].read_text())["items"]
    assert [each["spec"]["metrics"][0]["type"] for each in kept] == ["External", "Pods"]


def test_a_second_run_finds_nothing(scaled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = Fake()
    leave(fake, scaled, tmp_path, agree)
    capsys.readouterr()
    leave(fake, scaled, tmp_path, agree)
    assert capsys.readouterr().out == (
        f"{scaled}: every HPA in it is KEDA's already and computes replicas: nothing to leave.\n"
    )


def test_a_second_run_waits_for_what_the_first_moved(scaled: Path, tmp_path: Path) -> None:
    """The first was stopped before its third step."""
    fake = Fake()
    leave(fake, scaled, tmp_path, agree)
    fake.dead = KEDAS
    with pytest.raises(
        CommandError,
        match=r"^shop/queue, shop/api: no metric from KEDA .* run the command with BACK=1 and FILE=",
    ):
        leave(fake, scaled, tmp_path, agree)
    [backup] = tmp_path.glob("*-objects.json")
    fake.dead = None
    back(fake, backup, tmp_path / "back", agree)
    assert fake.scaled == {} and fake.route["service"]["name"] == ADAPTER[1]


def test_what_else_the_adapter_serves_is_named(
    scaled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = Fake()
    fake.resources = True
    fake.hpas["other", "web"] = hpa("web", "Pods", "requests")
    fake.hpas["other", "web"]["metadata"]["namespace"] = "other"
    leave(fake, scaled, tmp_path, agree)
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "The adapter still serves:",
        "  HPA other/web (Pods). Translate it first.",
        "  APIService v1beta1.metrics.k8s.io, so every HPA on cpu or memory. Install metrics-server first.",
    ]


def test_helm_leaves_the_apiservice(scaled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = Fake()
    manifest = "".join(
        f"---\napiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata:\n  name: {name}\n"
        for name in (APISERVICE, "v1beta1.custom.metrics.k8s.io")
    )
    release = {
        "name": "pa",
        "namespace": ADAPTER[0],
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "prometheus-adapter", "version": "5.0.0"}},
        "manifest": manifest,
    }
    text = base64.b64encode(base64.b64encode(json.dumps(release).encode())).decode()
    fake.stored = {"kind": "Secret", "metadata": {"name": "s", "namespace": "x"}, "data": {"release": text}}
    leave(fake, scaled, tmp_path, agree)
    kept = yaml.safe_load_all(StoredRelease.of(fake.stored).manifest)
    assert [each["metadata"].get("annotations") for each in kept if each] == [
        {"helm.sh/resource-policy": "keep"},
        None,
    ]
    assert f"`helm uninstall pa -n monitoring` leaves the APIService {APISERVICE}" in capsys.readouterr().out


def test_a_run_that_was_stopped_goes_on(scaled: Path, tmp_path: Path) -> None:
    fake = Fake()
    leave(fake, scaled, tmp_path, agree)
    del fake.hpas["shop", "api"]["metadata"]["ownerReferences"]
    fake.hpas["shop", "api"]["spec"] = hpa("api", "Pods", "requests")["spec"]
    leave(fake, scaled, tmp_path, agree)
    assert owner(fake.hpas["shop", "api"]) == "api"


def test_a_run_that_was_stopped_before_the_switch_goes_on(scaled: Path, tmp_path: Path) -> None:
    fake = Fake()
    leave(fake, scaled, tmp_path, agree)
    fake.route = Fake().route
    leave(fake, scaled, tmp_path, agree)
    assert fake.route["service"]["name"] == KEDAS[1]


def test_without_a_metric_from_keda_everything_is_taken_back(scaled: Path, tmp_path: Path) -> None:
    fake = Fake()
    fake.dead = KEDAS
    with pytest.raises(CommandError, match=r"^shop/queue: no metric from KEDA within a minute\."):
        leave(fake, scaled, tmp_path, agree)
    assert (fake.route["service"]["name"], fake.route["insecureSkipTLSVerify"]) == (ADAPTER[1], True)
    assert fake.scaled == {}
    assert [each["spec"] for each in fake.hpas.values()] == [each["spec"] for each in Fake._hpas()]


@pytest.mark.parametrize("verified", [{"insecureSkipTLSVerify": True}, {"caBundle": AUTHORITY}, {}])
def test_the_apiservice_is_taken_back_as_it_was(
    verified: dict[str, Any], scaled: Path, tmp_path: Path
) -> None:
    """Without both fields the API server verifies the adapter with its own roots."""
    fake = Fake()
    fake.dead = KEDAS
    fake.route = {"service": {"namespace": ADAPTER[0], "name": ADAPTER[1], "port": 6443}, **verified}
    before = {"insecureSkipTLSVerify": False, "caBundle": None} | fake.route
    with pytest.raises(CommandError, match="Everything is the adapter's again"):
        leave(fake, scaled, tmp_path, agree)
    assert fake.route == before


def test_nothing_changes_before_the_answer(scaled: Path, tmp_path: Path) -> None:
    def no() -> None:
        raise CommandError("no")

    fake = Fake()
    with pytest.raises(CommandError, match="^no$"):
        leave(fake, scaled, tmp_path / "backup", no)
    assert fake.scaled == {} and fake.route["service"]["name"] == ADAPTER[1]
    assert not (tmp_path / "backup").exists()


def _rotating(fake: Fake) -> None:
    fake.args = ["--enable-cert-rotation=true", "--cert-secret-name=certs"]


def _not_ready(fake: Fake) -> None:
    fake.ready = 0


def _no_apiservice(fake: Fake) -> None:
    fake.route = {}


def _another(fake: Fake) -> None:
    fake.hpas["shop", "mail"] = hpa("mail", "External", "mails")


def _gone(fake: Fake) -> None:
    del fake.hpas["shop", "api"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (_rotating, "KEDA's operator has --enable-cert-rotation=true"),
        (_not_ready, "Deployment keda/keda-operator-metrics-apiserver: not ready."),
        (_no_apiservice, f"APIService {APISERVICE}: not there"),
        (_another, "HPA shop/mail: reads an External metric, and nothing in"),
        (_gone, ".*: ScaledObject shop/api takes over HPA api, which is not there."),
    ],
)
def test_what_is_refused_is_one_line(
    change: Callable[[Fake], None], line: str, scaled: Path, tmp_path: Path
) -> None:
    fake = Fake()
    change(fake)
    with pytest.raises(CommandError, match=line) as error:
        leave(fake, scaled, tmp_path, agree)
    assert len(str(error.value).splitlines()) == 1
    assert [call for call in fake.calls if not call.startswith("get")] == []


def test_a_paused_scaled_object_is_refused(scaled: Path, tmp_path: Path) -> None:
    """Paused, KEDA deletes the HPA (controllers/keda/scaledobject_controller.go)."""
    text = scaled.read_text().replace("annotations:", "annotations:\n    autoscaling.keda.sh/paused: 'true'")
    scaled.write_text(text)
    with pytest.raises(CommandError, match="is paused: KEDA would delete its HPA"):
        leave(Fake(), scaled, tmp_path, agree)


@pytest.mark.parametrize(
    ("content", "line"),
    [("kind: Service", "contains no ScaledObject"), ("a: [", "is not valid YAML"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_used_is_one_line(content: str | None, line: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CommandError, match=line) as error:
        leave(Fake(), file, tmp_path, agree)
    assert len(str(error.value).splitlines()) == 1


@pytest.fixture
def left(scaled: Path, tmp_path: Path) -> tuple[Fake, Path]:
    """A cluster after the way there, and the HPAs of the way back."""
    fake = Fake()
    leave(fake, scaled, tmp_path / "there", agree)
    file = tmp_path / "hpas.yaml"
    file.write_text(yaml.safe_dump_all([native(each).hpa for each in fake.scaled.values()]))
    return fake, file


def test_back_all_hpas_with_the_switch(
    left: tuple[Fake, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake, file = left
    capsys.readouterr()
    back(fake, file, tmp_path / "back", agree)
    out, err = capsys.readouterr()
    assert "HPA shop/api (External) -> HorizontalPodAutoscaler shop/api, with the switch" in out
    assert [line.split()[1] for line in err.splitlines()] == ["1", "2", "3"]
    assert fake.scaled == {} and fake.route["caBundle"] is None
    [metric] = fake.hpas["shop", "api"]["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] == "shop.api.0"


def test_back_without_a_metric_from_the_adapter_everything_is_kedas_again(
    left: tuple[Fake, Path], tmp_path: Path
) -> None:
    fake, file = left
    fake.dead = ADAPTER
    with pytest.raises(CommandError, match="no metric from the adapter within a minute"):
        back(fake, file, tmp_path, agree)
    assert fake.route["service"]["name"] == KEDAS[1]
    assert {owner(each) for each in fake.hpas.values()} == {"queue", "api"}


def test_back_an_hpa_that_would_read_nothing_is_refused(left: tuple[Fake, Path], tmp_path: Path) -> None:
    fake, file = left
    file.write_text(next(iter(file.read_text().split("---"))))
    with pytest.raises(CommandError, match="^HPA shop/api: reads an External metric") as error:
        back(fake, file, tmp_path, agree)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("kind: HorizontalPodAutoscaler", "apiVersion: "),
        ("{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler}", "metadata: "),
        (
            "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec:"
            " {scaleTargetRef: {kind: Deployment, name: a}, maxReplicas: 1, metrics: [{type: External}]}}",
            "spec.metrics[0].external: missing",
        ),
    ],
)
def test_back_what_is_no_hpa_is_refused(
    text: str, line: str, left: tuple[Fake, Path], tmp_path: Path
) -> None:
    fake, file = left
    file.write_text(text)
    with pytest.raises(CommandError) as error:
        back(fake, file, tmp_path, agree)
    assert str(error.value).startswith(f"{file}: {line}")


def test_back_nothing_changes_if_the_api_server_refuses_an_hpa(
    left: tuple[Fake, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, file = left
    before, applied = dict(fake.scaled), fake.call

    def call(*args: str, stdin: str = "") -> str:
        if args[0] == "apply":
            raise CommandError("kubectl apply: denied")
        return applied(*args, stdin=stdin)

    monkeypatch.setattr(fake, "call", call)
    with pytest.raises(CommandError, match="denied"):
        back(fake, file, tmp_path / "back", pytest.fail)
    assert fake.scaled == before and fake.route["service"]["name"] == KEDAS[1]


def test_back_an_hpa_without_a_namespace_is_of_default(
    left: tuple[Fake, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of the context's namespace, where kubectl would apply it."""
    fake, file = left
    for each in [*fake.hpas.values(), *fake.scaled.values()]:
        each["metadata"]["namespace"] = "default"
    fake.hpas = {key(each): each for each in fake.hpas.values()}
    fake.scaled = {key(each): each for each in fake.scaled.values()}
    file.write_text(file.read_text().replace("  namespace: shop\n", ""))
    applied: list[dict[str, Any]] = []
    monkeypatch.setattr(fake, "_applied", lambda item: applied.append(item) or Fake._applied(fake, item))
    back(fake, file, tmp_path, agree)
    assert [each["metadata"].get("namespace") for each in applied] == ["default", "default"]


def test_back_a_target_at_zero_is_refused(left: tuple[Fake, Path], tmp_path: Path) -> None:
    """A native HPA with a minimum above 0 does nothing at 0 replicas (podautoscaler/horizontal.go)."""
    fake, file = left
    fake.asleep = ("shop", "api")
    with pytest.raises(CommandError, match="^HPA shop/api: its target is at 0 replicas") as error:
        back(fake, file, tmp_path, agree)
    assert len(str(error.value).splitlines()) == 1
    file.write_text(file.read_text().replace("minReplicas: 1", "minReplicas: 0"))
    back(fake, file, tmp_path, agree)


def test_back_a_run_that_was_stopped_anywhere_goes_on(left: tuple[Fake, Path], tmp_path: Path) -> None:
    fake, file = left
    for each in fake.hpas.values():  # the ScaledObjects were deleted, and no more
        del each["metadata"]["ownerReferences"]
    fake.scaled = {}
    back(fake, file, tmp_path, agree)
    [metric] = fake.hpas["shop", "queue"]["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] == "shop.queue.0"
    fake.route = {"service": {"namespace": KEDAS[0], "name": KEDAS[1]}}  # all but the switch
    back(fake, file, tmp_path, agree)
    assert fake.route["service"]["name"] == ADAPTER[1]


def test_back_twice_finds_nothing(
    left: tuple[Fake, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake, file = left
    back(fake, file, tmp_path, agree)
    capsys.readouterr()
    back(fake, file, tmp_path, agree)
    assert (
        capsys.readouterr().out
        == f"{file}: no HPA in it is KEDA's, and each computes replicas: nothing to give back.\n"
    )
