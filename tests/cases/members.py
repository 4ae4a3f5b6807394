"""Further members of kinds that need whole folders: (files, the rules of the findings)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.keda.commands.tree import (
    authentication,
    kustomization,
    scaled_object,
    secret,
    workload,
)

Member = tuple[Mapping[str, str], tuple[str, ...]]


def _generated(rest: str, *rules: str, **more: str) -> Member:
    root = kustomization(f"namespace: shop\nresources: [ta.yaml]\n{rest}")
    given = f"{authentication('mq')}---\n{secret('other')}"
    return {"kustomization.yaml": root, "ta.yaml": given, **more}, rules


_GENERATORS = [
    _generated("secretGenerator: [{name: mq, literals: [host=amqp://a.b]}]"),
    _generated("secretGenerator: [{name: mq, files: [secrets/host]}]"),
    _generated("secretGenerator: [{name: mq, literals: [hots=amqp://a.b]}]", "unknown-secret"),
    _generated("generators: [ksops.yaml]", **{"ksops.yaml": "apiVersion: viaduct.ai/v1\nkind: ksops\n"}),
    _generated(
        "components: [comp]",
        **{
            "comp/kustomization.yaml": kustomization(
                "secretGenerator: [{name: mq, literals: [host=a]}]", "Component"
            )
        },
    ),
]


def _named(root: str, workload_in: str = "", **more: str) -> Mapping[str, str]:
    return {
        "kustomization.yaml": kustomization(f"resources: [d.yaml, so.yaml]\n{root}"),
        "d.yaml": workload("web", workload_in),
        "so.yaml": scaled_object("web", "shop"),
        **more,
    }


_TRANSFORMER = "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: n, namespace: shop}\n"
_PLACE = "[{kind: ScaledObject, path: spec/scaleTargetRef/name}]"
_REFERENCE = f"nameReference:\n- kind: Deployment\n  fieldSpecs: {_PLACE}\n"
_NAMESPACES: list[Member] = [
    (_named("namespace: shop", "other"), ()),
    (_named("transformers: [n.yaml]", **{"n.yaml": _TRANSFORMER}), ()),
    (_named("namespace: shop\nnamePrefix: a-"), ("target-missing",)),
    (_named("namespace: shop\nnameSuffix: -a\nconfigurations: [c.yaml]", **{"c.yaml": _REFERENCE}), ()),
]


def _patched(rest: str, *rules: str) -> Member:
    head = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n"
    patch = f"{head}metadata: {{name: web}}\nspec: {{maxReplicaCount: 9}}\n"
    return {
        "base/kustomization.yaml": kustomization("resources: [so.yaml, d.yaml]"),
        "base/so.yaml": scaled_object("web"),
        "base/d.yaml": workload("web"),
        "prod/kustomization.yaml": kustomization(f"resources: [../base]\n{rest}"),
        "prod/p.yaml": patch,
        "prod/j.yaml": "- {op: replace, path: /spec/maxReplicaCount, value: -9}\n",
        "comp/kustomization.yaml": kustomization("patches: [{path: p.yaml}]", "Component"),
        "comp/p.yaml": patch,
    }, rules


_INLINE = '{patch: "- {op: remove, path: /spec/triggers}", target: {kind: ScaledObject}}'
_PATCHES = [
    _patched("patchesStrategicMerge: [p.yaml]"),
    _patched("components: [../comp]"),
    _patched("patches: [{path: j.yaml, target: {kind: ScaledObject}}]", "replica-bounds"),
    _patched(f"patches: [{_INLINE}]", "missing-field"),
    _patched("replicas: [{name: web, count: 3}]", "one-owner-replicas"),
]


def _optional(trigger: str, given: str, *parameters: str) -> Mapping[str, str]:
    entries = ", ".join(f"{{parameter: {name}, name: creds, key: {name}}}" for name in parameters)
    scaled = scaled_object("web", "shop").partition("  triggers:")[0]
    return {
        "a.yaml": "---\n".join(
            (
                secret("creds", more=f"stringData: {{{given}}}"),
                "apiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\n"
                f"metadata: {{name: creds, namespace: shop}}\nspec: {{secretTargetRef: [{entries}]}}\n",
                f"{scaled}  triggers: [{{{trigger}, authenticationRef: {{name: creds}}}}]\n",
            )
        )
    }


_REDIS = "type: redis, metadata: {address: 'a.b:1', listName: l, listLength: '5'}"
_RABBIT = "type: rabbitmq, metadata: {queueName: q, mode: QueueLength, value: '5'}"
_PROMETHEUS = (
    "type: prometheus, metadata: {serverAddress: 'http://a.b', query: sum(up), threshold: '1', "
    "ignoreNullValues: 'false'}"
)
_RUNNER = "type: github-runner, metadata: {owner: o, runnerScope: org}"
_OPTIONAL: list[Member] = [
    (_optional(_REDIS, "password: x", "username", "password"), ("optional-secret-key",)),
    (_optional(_PROMETHEUS, "other: x", "ca"), ("optional-secret-key",)),
    (_optional(_RUNNER, "personalAccessToken: x", "personalAccessToken", "appKey"), ("optional-secret-key",)),
    (_optional(_RABBIT, "hots: x", "host"), ("trigger-parameter", "unknown-secret")),
]


def _yaml(extra: str) -> Member:
    """Beside it in the file, a mistake that is found only if the file is read."""
    indented = extra.replace("\n", "\n  ")
    config = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  {indented}\n"
    wrong = scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: -1")
    return {"a.yaml": f"{config}---\n{wrong}"}, ("replica-bounds",)


_YAML = [
    _yaml("a: &a {x: y}\nb:\n  <<: *a"),
    _yaml("a: &a {x: y}\nb:\n  !!merge <<: *a"),
    _yaml("a: &a {x: y}\nb:\n  !<tag:yaml.org,2002:merge> <<: *a"),
    _yaml("a: &a {x: y}\nc: &c {z: w}\nb:\n  <<: [*a, *c]"),
    _yaml("a: !vault |\n  $ANSIBLE_VAULT;1.1"),
    _yaml("a: !!binary aGk="),
]
_CHART = "apiVersion: v2\nname: a\nversion: 1.0.0\n"
_IN_CHART = "{{- if .Values.x }}\n" + scaled_object().replace("web", "{{ .Release.Name }}") + "{{- end }}\n"
_CHARTS: list[Member] = [
    ({"charts/a/Chart.yaml": _CHART, "charts/a/templates/so.yaml": _IN_CHART}, ()),
    ({"a/Chart.yaml": _CHART, "a/templates/so.yaml": scaled_object().replace("count: 4", "count: -3")}, ()),
    (
        {"a/Chart.yaml": _CHART, "a/charts/b/Chart.yaml": _CHART, "a/charts/b/templates/so.yaml": _IN_CHART},
        (),
    ),
    ({"a/Chart.yaml": _CHART, "a/ci/values-kind.yaml": "kind: {{ x }}\n", "a/values.yaml": "kind: x\n"}, ()),
]

MEMBERS: Mapping[str, list[Member]] = {
    "07-kustomize-secretgenerator": _GENERATORS,
    "08-kustomize-namespace": _NAMESPACES,
    "10-kustomize-patch": _PATCHES,
    "15-optional-secret-key": _OPTIONAL,
    "24-yaml-merge-tag": _YAML,
    "27-helm-chart": _CHARTS,
}
