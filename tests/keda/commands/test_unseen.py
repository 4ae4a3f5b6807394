"""What is in no file is not called missing where something may make it; what nothing makes is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.keda.commands.tree import authentication, found, judged, scaled_object, secret, workload

WEB = f"{scaled_object('web', 'shop')}---\n{workload('other', 'shop')}"
MQ = f"{authentication('mq')}---\n{secret('other')}"


def custom(version: str, kind: str, name: str, spec: str = "{}", namespace: str = "shop") -> str:
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"


def test_what_nothing_makes_is_missing(tmp_path: Path) -> None:
    assert found(tmp_path, {"a.yaml": WEB, "b.yaml": MQ}) == [
        "a.yaml: target-missing: ScaledObject shop/web",
        "b.yaml: unknown-secret: TriggerAuthentication shop/mq",
    ]


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        # Where the two are applied is written nowhere: the workload may be of another namespace.
        ({"so.yaml": scaled_object(), "other.yaml": workload("other")}, False),
        # A name that is nearly there is a slip.
        ({"so.yaml": scaled_object("webs", target="webb"), "web.yaml": workload("web")}, True),
        ({"so.yaml": f"{scaled_object()}---\n{workload('other')}"}, True),
        ({"so.yaml": scaled_object(namespace="shop"), "other.yaml": workload("other", "shop")}, True),
        (
            {
                "kustomization.yaml": "resources: [so.yaml, other.yaml]",
                "so.yaml": scaled_object(),
                "other.yaml": workload("other"),
            },
            True,
        ),
    ],
)
def test_files_that_nothing_brings_together(files: dict[str, str], missing: bool, tmp_path: Path) -> None:
    assert [line.split(": ")[1] for line in found(tmp_path, files)] == ["target-missing"] * missing


def test_files_that_are_named_are_given_together(tmp_path: Path) -> None:
    files = {"so.yaml": scaled_object(), "other.yaml": workload("other")}
    assert len(found(tmp_path, files, "so.yaml", "other.yaml")) == 1


@pytest.mark.parametrize(
    "maker",
    [
        custom("helm.toolkit.fluxcd.io/v2", "HelmRelease", "web"),
        custom("helm.toolkit.fluxcd.io/v2", "HelmRelease", "x", "{targetNamespace: shop}", "flux-system"),
        custom("helm.cattle.io/v1", "HelmChart", "x", "{targetNamespace: shop}", "kube-system"),
        custom("argoproj.io/v1alpha1", "Application", "x", namespace="argocd"),
        custom("argoproj.io/v1alpha1", "ApplicationSet", "x", namespace="argocd"),
        custom("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "x", "{path: ./elsewhere}", "flux-system"),
        custom("fluxcd.controlplane.io/v1", "ResourceSet", "x", "{inputsFrom: [{name: x}]}"),
        "metadata: {name: web}\nkind: [\napiVersion: v1\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: '{{ name }}', a: {% x %}}\n",
        workload("${NAME}", "shop") + "---\n" + secret("$NAME"),
        workload("web").replace("Deployment", "${KIND}"),
    ],
)
def test_of_objects_that_are_not_seen_nothing_is_missing(maker: str, tmp_path: Path) -> None:
    lines = found(tmp_path, {"a.yaml": WEB, "maker.yaml": maker})
    assert lines == []


@pytest.mark.parametrize(
    "files",
    [
        {"helmfile.yaml": "releases: [{name: web, namespace: shop, chart: a/b}]\n"},
        {"deploy/helmfile.yaml.gotmpl": "releases: {{ .Values.releases }}\n"},
        {"helmfile.d/10-web.yaml": "releases: [{name: web, chart: a/b}]\n"},
        {"skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\ndeploy: {helm: {releases: []}}\n"},
    ],
)
def test_the_releases_of_other_tools_may_be_what_is_missing(files: dict[str, str], tmp_path: Path) -> None:
    assert found(tmp_path, {"a.yaml": WEB, **files}) == []


@pytest.mark.parametrize(
    ("maker", "reported"),
    [
        (("v1", "ConfigMap", "x"), True),
        (("helm.toolkit.fluxcd.io/v2", "HelmRelease", "x"), False),
        (("argoproj.io/v1alpha1", "Application", "x", "{source: {chart: x}}", "argocd"), False),
        (("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "x", "{path: ./elsewhere}"), False),
    ],
)
def test_a_prometheus_that_is_not_seen_may_select(
    maker: tuple[str, ...], reported: bool, tmp_path: Path
) -> None:
    monitor = custom("monitoring.coreos.com/v1", "ServiceMonitor", "web")
    selector = "{serviceMonitorSelector: {matchLabels: {a: b}}}"
    prometheus = custom("monitoring.coreos.com/v1", "Prometheus", "main", selector)
    lines = found(tmp_path, {"a.yaml": f"{monitor}---\n{prometheus}", "maker.yaml": custom(*maker)})
    assert lines == ["a.yaml: monitor-unselected: ServiceMonitor shop/web"] * reported


@pytest.mark.parametrize(
    "maker",
    [
        custom("external-secrets.io/v1", "ExternalSecret", "x", "{target: {name: mq}}"),
        custom("bitnami.com/v1alpha1", "SealedSecret", "mq"),
        custom("cert-manager.io/v1", "Certificate", "x", "{secretName: mq}"),
        custom("secrets.hashicorp.com/v1beta1", "VaultDynamicSecret", "x", "{destination: {name: mq}}"),
        custom(
            "secrets.infisical.com/v1alpha1",
            "InfisicalSecret",
            "x",
            "{managedSecretReference: {secretName: mq}}",
        ),
        custom("onepassword.com/v1", "OnePasswordItem", "mq"),
        custom("kafka.strimzi.io/v1beta2", "KafkaUser", "mq"),
        custom("sns.aws.upbound.io/v1", "Queue", "x", "{writeConnectionSecretToRef: {name: mq}}"),
        secret("mq", "other", "metadata: {}")
        .replace(
            "namespace: other}",
            "namespace: other, annotations: {reflector.v1.k8s.emberstack.com/reflection-allowed: 'true'}}",
        )
        .replace("metadata: {}\n", ""),
    ],
)
def test_a_secret_that_something_makes(maker: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"b.yaml": MQ, "maker.yaml": maker}) == []


@pytest.mark.parametrize(
    "given",
    [
        secret("mq", more="type: kubernetes.io/service-account-token"),
        secret("mq")
        + "---\n"
        + custom("external-secrets.io/v1", "ExternalSecret", "x", "{target: {name: mq}}"),
        secret("mq", more="stringData: {host: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3.9.0}"),
        secret("mq", more="stringData: ${DATA}"),
    ],
)
def test_keys_that_something_adds(given: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"b.yaml": f"{authentication('mq')}---\n{given}"}) == []


@pytest.mark.parametrize("value", ['""', "", "~"])
def test_an_empty_value_of_a_secret_is_filled_in_later(value: str, tmp_path: Path) -> None:
    """A Secret without its values is a form, as people commit it: KEDA's refusal of "" is not foreseen."""
    queue = scaled_object().replace("type: cron", "type: rabbitmq\n    authenticationRef: {name: mq}")
    queue = (
        queue[: queue.index("    metadata: {timezone")]
        + "    metadata: {queueName: q, mode: QueueLength, value: '5'}\n"
    )
    given = f"{queue}---\n{authentication('mq', namespace='default')}---\n"
    for key, rules in (("host", []), ("other", ["trigger-parameter", "unknown-secret"])):
        text = given + secret("mq", "default", f"stringData:\n  {key}: {value}")
        assert sorted(line.split(": ")[1] for line in found(tmp_path, {"a.yaml": text})) == rules


def test_keys_that_nothing_adds(tmp_path: Path) -> None:
    encrypted = secret("mq", more="stringData: {hots: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3.9.0}")
    assert found(tmp_path, {"b.yaml": f"{authentication('mq')}---\n{encrypted}"}) == [
        "b.yaml: unknown-secret: TriggerAuthentication shop/mq"
    ]


@pytest.mark.parametrize(
    ("made_by", "target"),
    [
        (custom("opentelemetry.io/v1beta1", "OpenTelemetryCollector", "web"), "web-collector"),
        (custom("monitoring.coreos.com/v1", "Prometheus", "main"), "prometheus-main"),
        (custom("kafka.strimzi.io/v1beta2", "KafkaConnect", "web"), "web-connect"),
    ],
)
def test_a_workload_of_an_operator(made_by: str, target: str, tmp_path: Path) -> None:
    text = f"{scaled_object('web', 'shop', target)}---\n{workload('other', 'shop')}---\n{made_by}"
    assert found(tmp_path, {"a.yaml": text}) == []


@pytest.mark.parametrize(
    "maker",
    [
        custom("helm.toolkit.fluxcd.io/v2", "HelmRelease", "x", namespace="other"),
        custom("source.toolkit.fluxcd.io/v1", "HelmChart", "web"),
        custom("cert-manager.io/v1", "Certificate", "web", "{secretName: web}"),
        custom("monitoring.coreos.com/v1", "ServiceMonitor", "web"),
        custom("gateway.networking.k8s.io/v1", "HTTPRoute", "web"),
    ],
)
def test_what_cannot_make_the_target(maker: str, tmp_path: Path) -> None:
    lines = found(tmp_path, {"a.yaml": WEB, "maker.yaml": maker})
    assert lines == ["a.yaml: target-missing: ScaledObject shop/web"]


def test_a_chart_is_one_line_and_may_make_anything(tmp_path: Path) -> None:
    files = {
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/web/values.yaml": "kind: x\napiVersion: [\n",
        "charts/web/templates/so.yaml": "apiVersion: keda.sh/v1alpha1\nkind: {{ .Values.kind }}\n",
        "charts/web/charts/redis/Chart.yaml": "name: redis\n",
        "deploy/so.yaml": WEB,
    }
    lines, noted = judged(tmp_path, files)
    assert lines == []
    assert noted.unjudged.charts == [str(tmp_path / "charts" / "web")]
    assert not (noted.unjudged.templates or noted.unjudged.broken)


def test_the_controller_of_openshift_is_not_keda_s(tmp_path: Path) -> None:
    """keda-olm-operator reads it; keda.sh is its group too."""
    controller = custom(
        "keda.sh/v1alpha1", "KedaController", "keda", "{watchNamespace: '', operator: {logLevel: info}}"
    )
    lines, noted = judged(
        tmp_path, {"a.yaml": controller, "b.yaml": custom("keda.sh/v1alpha1", "KedaControler", "k")}
    )
    assert [line.split(": ")[:2] for line in lines] == [["b.yaml", "unknown-kind"]]
    assert noted.of_keda == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("recyclarr.yml", "radarr: {main: {api_key: !env_var RADARR_KEY}}\n"),
        ("tsconfig.json", '{\n// comment\n"kind": 1,}\n'),
        ("mkdocs.yml", "markdown_extensions:\n- pymdownx.emoji: {emoji_index: !!python/name:x }\nkind: x\n"),
        ("cloudformation.yaml", "Resources: {A: {Type: x, Value: !Ref kind}}\n"),
        ("home-assistant.yaml", "automation: !include kind.yaml\n"),
        ("package.json", '{"name": "x", "kind": "y"}\n'),
        ("copier.yml", "kind: '{{ x }}'\na: {{ x }}\n"),
        ("mixed.yaml", "a: b\na: c\nkind: x\n"),
        (
            "azuredeploy.json",
            '{\n"$schema": "deploymentTemplate.json",\n// a comment\n"resources": [\n{\n'
            '"apiVersion": "2024-01-01",\n"kind": "StorageV2"}]}\n',
        ),
    ],
)
def test_what_is_not_kubernetes_is_passed_over(name: str, content: str, tmp_path: Path) -> None:
    lines, noted = judged(tmp_path, {name: content, "so.yaml": WEB.replace("other", "web")})
    assert lines == []
    assert noted.unjudged.broken == []


@pytest.mark.parametrize(
    "content",
    [
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: ${{ values.name }}}\n",
        "apiVersion: v1\nkind: Secret\n{% if x %}\nmetadata: {}\n{% endif %}\n",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ cookiecutter.name }}\n",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: [[ name ]] x\n",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: @NAME@\n",
    ],
    ids=["backstage", "jinja", "cookiecutter", "copier", "sed"],
)
def test_a_template_is_named_and_no_failure(content: str, tmp_path: Path) -> None:
    lines, noted = judged(tmp_path, {"t.yaml": content})
    assert lines == []
    assert noted.unjudged.broken == []
    assert len(noted.unjudged.templates) == 1


@pytest.mark.parametrize(
    "broken",
    [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, name: b}",
        "apiVersion: v1\nkind: ConfigMap\ndata: {a: [}",
        "apiVersion: v1\nkind: ConfigMap\ndata:\n\ta: b",
        "apiVersion: v1\nkind: ConfigMap\ndata: {a: *nowhere}",
    ],
)
def test_a_broken_document_costs_itself_only(broken: str, tmp_path: Path) -> None:
    bad = scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: -1")
    for text in (f"{broken}\n---\n{bad}", f"{bad}---\n{broken}\n"):
        lines, noted = judged(tmp_path, {"a.yaml": text})
        assert lines == ["a.yaml: replica-bounds: ScaledObject default/web"]
        assert len(noted.unjudged.broken) == 1


def test_two_folders_with_one_object_are_not_applied_together(tmp_path: Path) -> None:
    files = {
        f"{name}/{kind}.yaml": text
        for name in ("staging", "production")
        for kind, text in (("dep", workload()), ("so", scaled_object(f"web-{name}", target="web")))
    }
    assert found(tmp_path, files) == []
    above = {"so.yaml": scaled_object("a", target="web"), "Local/so.yaml": scaled_object("b", target="web")}
    (tmp_path / "dev").mkdir()
    assert found(tmp_path / "dev", above) == []
    assert found(tmp_path / "dev" / "under", files) == []
    apart = {"a/so.yaml": scaled_object("a", target="web"), "b/so.yaml": scaled_object("b", target="web")}
    (tmp_path / "x").mkdir()
    assert [line.split(": ")[1] for line in found(tmp_path / "x", apart)] == ["one-owner-scaledobject"]


def test_an_object_of_keda_without_a_kind_is_not_passed_over(tmp_path: Path) -> None:
    text = scaled_object().replace("kind: ScaledObject", "Kind: ScaledObject")
    assert [line.split(": ")[1] for line in found(tmp_path, {"so.yaml": text})] == ["unknown-kind"]
