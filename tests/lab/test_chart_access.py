"""The rights that KEDA's chart grants with the program's values: read off the rendered RBAC objects as the
API server reads them."""

from __future__ import annotations

import argparse
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.platform import chart_values
from components.settings import Settings
from lab import chart_source

PROJECT = Path(__file__).parents[2]
OPERATOR = ("keda", "keda-operator")
NAMESPACES = ("web", "mail", "keda", "kube-system", "default")


class Rights:
    """What one ServiceAccount may do, by the Roles and ClusterRoles bound to it."""

    def __init__(self, objects: list[dict[str, Any]], account: tuple[str, str]) -> None:
        roles = {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each["rules"]
            for each in objects
            if each["kind"] in ("Role", "ClusterRole")
        }
        self.rules: list[tuple[str, dict[str, Any]]] = []
        """(namespace, "" for all of them, and a rule)."""
        for each in objects:
            if each["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
                continue
            subjects = {(subject["namespace"], subject["name"]) for subject in each["subjects"]}
            if account not in subjects:
                continue
            where = each["metadata"].get("namespace", "")
            kind, name = each["roleRef"]["kind"], each["roleRef"]["name"]
            bound = roles.get((kind, where if kind == "Role" else "", name), [])
            self.rules += [(where, rule) for rule in bound]

    def may(self, verb: str, group: str, resource: str, namespace: str, name: str = "") -> bool:
        """Namespace "" asks for all of them at once, as a list over the cluster does."""
        wanted = {"verbs": verb, "apiGroups": group, "resources": resource}
        subresource = resource.partition("/")[2]
        return any(
            where in ("", namespace)
            and all(
                {value, "*"} & set(rule[key]) or (key == "resources" and f"*/{subresource}" in rule[key])
                for key, value in wanted.items()
            )
            and (not rule.get("resourceNames") or name in rule["resourceNames"])
            for where, rule in self.rules
        )


@pytest.fixture(scope="module", params=["own", "published"])
def chart(
    request: pytest.FixtureRequest,
    chart_tools: dict[str, Path],
    keda_crds: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    if request.param == "own":
        return chart_source.package_own(chart_tools, keda_crds, tmp_path_factory.mktemp("chart"))
    if not chart_source.ARCHIVE.is_file():
        pytest.skip("the published chart is not in charts/, nor named by KEDA_HOMELAB_CHART")
    return chart_source.ARCHIVE


def rendered(chart: Path, helm: Path, *options: str | Path) -> Rights:
    """The operator's, as helm renders the chart into the namespace `keda`."""
    common = ("--namespace", "keda", "--set", "crds.install=false")
    text = chart_source._run(helm, "template", "keda", chart, *common, *options)
    return Rights([item for item in yaml.load_all(text, yaml.CSafeLoader) if item], OPERATOR)


def rights(
    chart: Path, helm: Path, folder: Path, keda: dict[str, Any], authentication: dict[str, Any] | None
) -> Rights:
    """The operator's, with a workload in `web` that scales a Rollout and one in `mail` that may need a
    Secret."""
    cron = {"start": "0 7 * * *", "end": "0 8 * * *", "timezone": "UTC", "desiredReplicas": 2}
    redis = {"address": "redis:6379", "listName": "mail", "listLength": 5}
    reference = {"authenticationRef": {"name": "redis"}} if authentication else {}
    config = {
        "keda": keda,
        "monitoring": {"prometheus": "http://prometheus:9090"},
        "workloads": {
            "web": {
                "recipe": "generic",
                "namespace": "web",
                "target": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"},
                "maxReplicas": 4,
                "triggers": [{"type": "cron", "metadata": cron}],
            },
            "mail": {
                "recipe": "generic",
                "namespace": "mail",
                "target": {"name": "mail"},
                "maxReplicas": 4,
                "triggers": [{"type": "redis", "metadata": redis, **reference}],
                **({"authentications": {"redis": authentication}} if authentication else {}),
            },
        },
    }
    settings = Settings.parse(config)
    values = folder / "values.yaml"
    values.write_text(
        yaml.safe_dump(chart_values(settings.keda, settings.monitoring, settings.workloads.values()))
    )
    return rendered(chart, helm, "--values", values)


PASSWORD = {"secretTargetRef": [{"parameter": "password", "name": "redis", "key": "password"}]}
TOKEN = {"boundServiceAccountToken": [{"parameter": "password", "serviceAccountName": "redis"}]}
SECRET_VERBS = ("get", "list", "watch")


def readable(found: Rights) -> set[str]:
    """The namespaces whose Secrets KEDA can read."""
    return {
        namespace
        for namespace in NAMESPACES
        if any(found.may(verb, "", "secrets", namespace, "some") for verb in SECRET_VERBS)
    }


def test_narrow_by_default(chart: Path, chart_tools: dict[str, Path], tmp_path: Path) -> None:
    found = rights(chart, chart_tools["helm"], tmp_path, {}, None)
    assert readable(found) == {"keda"}
    for namespace, verb in itertools.product(NAMESPACES, ("get", "update")):
        for group, resource in (
            ("apps", "deployments"),
            ("apps", "statefulsets"),
            ("argoproj.io", "rollouts"),
        ):
            assert found.may(verb, group, f"{resource}/scale", namespace)
        assert not found.may(verb, "apps", "replicasets/scale", namespace)
        assert not found.may(verb, "example.org", "proxies/scale", namespace)
    assert not found.may("get", "example.org", "proxies", "web")
    assert not found.may("get", "", "nodes", "")
    assert not found.may("create", "", "serviceaccounts/token", "mail", "redis")


def test_the_workloads_namespaces_only(chart: Path, chart_tools: dict[str, Path], tmp_path: Path) -> None:
    found = rights(chart, chart_tools["helm"], tmp_path, {"watchNamespaces": ["web", "mail"]}, PASSWORD)
    assert readable(found) == {"web", "mail", "keda"}
    assert found.may("list", "", "secrets", "mail")
    for namespace in NAMESPACES:
        scales = found.may("update", "apps", "deployments/scale", namespace)
        assert scales is (namespace in {"web", "mail", "keda"})
    assert not found.may("list", "keda.sh", "scaledobjects", "")


def test_secrets_kept_beside_keda(chart: Path, chart_tools: dict[str, Path], tmp_path: Path) -> None:
    found = rights(chart, chart_tools["helm"], tmp_path, {"secrets": "keda"}, PASSWORD)
    assert readable(found) == {"keda"}
    assert found.may("list", "", "secrets", "keda")


def test_a_token_of_one_account(chart: Path, chart_tools: dict[str, Path], tmp_path: Path) -> None:
    found = rights(chart, chart_tools["helm"], tmp_path, {}, TOKEN)
    assert found.may("create", "", "serviceaccounts/token", "mail", "redis")
    assert not found.may("create", "", "serviceaccounts/token", "mail", "default")
    assert not found.may("create", "", "serviceaccounts/token", "web", "redis")


def test_everything_by_the_charts_own_default(
    chart: Path, chart_tools: dict[str, Path], tmp_path: Path
) -> None:
    """What the settings take away is there without them; so the tests above can fail."""
    everything = {"scaledKinds": [{"apiGroup": "*", "resource": "*"}], "secrets": "watched"}
    found = rights(chart, chart_tools["helm"], tmp_path, everything, None)
    assert readable(found) == set(NAMESPACES)
    assert found.may("list", "", "secrets", "")
    assert found.may("update", "example.org", "proxies/scale", "web")
    assert found.may("get", "", "nodes", "")


TABLE = (PROJECT / "docs" / "least-privilege.md").read_text(encoding="utf-8")


def asked(question: str) -> tuple[str, str, str, str, str]:
    """The arguments of `Rights.may` for a question of `kubectl auth can-i`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb")
    parser.add_argument("resource")
    parser.add_argument("-n", dest="namespace", default="")
    parser.add_argument("--all-namespaces", action="store_true")
    parser.add_argument("--subresource", default="")
    of = parser.parse_args(question.split())
    resource, _, name = of.resource.partition("/")
    resource, _, group = resource.partition(".")
    return of.verb, group, "/".join(filter(None, [resource, of.subresource])), of.namespace, name


def test_the_table_of_the_page(chart: Path, chart_tools: dict[str, Path], tmp_path: Path) -> None:
    """docs/least-privilege.md: the chart alone, the defaults, and `mail` watched with a Secret of its own.

    The page has the lab's `voice` where the stack of these tests has `mail`.
    """
    helm = chart_tools["helm"]
    columns = [
        rendered(chart, helm),
        rights(chart, helm, tmp_path, {}, None),
        rights(chart, helm, tmp_path, {"watchNamespaces": ["web", "mail"]}, PASSWORD),
    ]
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (\w+) \| (\w+)", TABLE.replace("voice", "mail"), re.M)
    rows = [row for row in rows if set(row[1:]) <= {"yes", "no"}]
    assert len(rows) == 10
    for question, *answers in rows:
        found = ["yes" if column.may(*asked(question)) else "no" for column in columns]
        assert found == answers, question
