"""Which token KEDA's operator sends to a Vault: its own to any address without the guard, none with it.

The Vault is a small server in the lab's network namespace. Tokens stay in its memory; a test compares digests
and lengths, and nothing prints them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cli.engine import Engine
from components.cluster_guard.vault import NAME
from lab.node import netns
from lab.paths import Lab
from tests.live.cluster import KEDA, MERGE, Cluster, Refused, wait
from tests.live.support import scaled_object, with_overrides
from tests.vault_addresses import LISTED, OTHERS, SAME

pytestmark = pytest.mark.live

NAMESPACE = "vaulted"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
BINDING = f"{ADMISSION}/validatingadmissionpolicybindings"
AUTHENTICATIONS = f"{KEDA}/namespaces/{NAMESPACE}/triggerauthentications"
SCALED_OBJECTS = f"{KEDA}/namespaces/{NAMESPACE}/scaledobjects"
SECRET = "from-the-vault"
"""What the Vault keeps. The trigger's endpoint answers only to whoever presents it."""
LOAD = 2


@dataclass(frozen=True)
class Login:
    """What was sent to log in: never the token itself."""

    digest: str
    length: int
    subject: str


class Vault:
    """A Vault that lets everybody in, and beside it an endpoint that wants the secret as bearer token."""

    def __init__(self, lab: Lab) -> None:
        self.logins: list[Login] = []
        self.readings = 0
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                """A login: hashicorpvault_handler.go, `token`."""
                given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                vault.logins.append(_login(given["jwt"]))
                self._answer({"auth": {"client_token": "of-this-vault"}})

            def do_GET(self) -> None:
                if self.path == "/v1/auth/token/lookup-self":
                    self._answer({"data": {"renewable": False}})
                elif self.path == "/v1/secret/data/load":
                    self._answer({"data": {"data": {"token": SECRET}}})
                elif self.path == "/load" and self.headers["Authorization"] == f"Bearer {SECRET}":
                    vault.readings += 1
                    self._answer({"value": LOAD})
                else:
                    self.send_error(403)

            def _answer(self, body: object) -> None:
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is written."""

        with netns.entered(lab):  # a socket stays in the namespace it was made in
            self.server = ThreadingHTTPServer((netns.NODE_ADDRESS, 0), Handler)
        self.address = f"http://{netns.NODE_ADDRESS}:{self.server.server_port}"


def _login(token: str) -> Login:
    claims = token.split(".")[1]
    subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    return Login(hashlib.sha256(token.encode()).hexdigest(), len(token), subject)


@pytest.fixture(scope="module")
def vault(lab: Lab) -> Iterator[Vault]:
    vault = Vault(lab)
    thread = threading.Thread(target=vault.server.serve_forever, daemon=True)
    thread.start()
    yield vault
    vault.server.shutdown()
    vault.server.server_close()
    thread.join(10)


@pytest.fixture(scope="module")
def listed(stack: Engine, cluster: Cluster, vault: Vault) -> Iterator[None]:
    """A namespace with a target and an account of its own; the stack lists the Vault and one more address."""
    addresses = {"keda-homelab:keda.vaultAddresses": [vault.address, LISTED]}
    done = with_overrides(stack, addresses).operate("up", "--skip-preview", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for collection, body in objects():
        cluster.create(collection, body)
    wait("the list", 30, lambda: refusal(cluster, authentication(LISTED)) == "" or None)
    yield
    remove(cluster, f"{SCALED_OBJECTS}/web")
    remove(cluster, f"{AUTHENTICATIONS}/vault")
    cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")
    done = stack.operate("up", "--skip-preview", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr


def remove(cluster: Cluster, path: str) -> None:
    """Deletes an object and waits until KEDA's finalizer lets it go."""
    cluster.delete(path)
    wait(f"{path} is gone", 60, lambda: cluster.get(path) is None or None)


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """(collection, object). The role is what KEDA's chart makes of `serviceAccountTokenCreationRoles`."""
    core = f"/api/v1/namespaces/{NAMESPACE}"
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    yield "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}
    yield f"{core}/serviceaccounts", {"metadata": {"name": "reader"}}
    rule = {
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "verbs": ["create"],
        "resourceNames": ["reader"],
    }
    yield f"{rbac}/roles", {"metadata": {"name": "keda-token"}, "rules": [rule]}
    operator = {"kind": "ServiceAccount", "name": "keda-operator", "namespace": "keda"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "keda-token"}
    yield (
        f"{rbac}/rolebindings",
        {"metadata": {"name": "keda-token"}, "roleRef": role, "subjects": [operator]},
    )
    labels = {"app": "web"}
    container = {"name": "web", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    yield f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", {"metadata": {"name": "web"}, "spec": spec}


def authentication(address: str, credential: Any = ..., **more: Any) -> dict[str, Any]:
    """A TriggerAuthentication; without another `credential` it logs in as the account of its namespace."""
    credential = {"serviceAccountName": "reader"} if credential is ... else credential
    vault = {
        "address": address,
        "authentication": "kubernetes",
        "role": "web",
        "mount": "kubernetes",
        "secrets": [{"parameter": "token", "path": "secret/data/load", "key": "token"}],
        **({} if credential is None else {"credential": credential}),
        **more,
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "vault", "namespace": NAMESPACE},
        "spec": {"hashiCorpVault": vault},
    }


def cluster_wide(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "kind": "ClusterTriggerAuthentication", "metadata": {"name": "vault"}}


def refusal(cluster: Cluster, manifest: dict[str, Any], at: str = AUTHENTICATIONS) -> str:
    """Why the API server refuses it; "" if it does not. Nothing is kept."""
    collection = f"{KEDA}/clustertriggerauthentications" if manifest["kind"].startswith("Cluster") else at
    probe = {**manifest, "metadata": {**manifest["metadata"], "name": "probe"}}
    try:
        cluster.create(f"{collection}?dryRun=All", probe)
    except Refused as error:
        assert error.status == 403, error
        return str(error)
    return ""


OWN = "KEDA would log in with the token of its own operator"
UNLISTED = "not one of the Vaults that may receive a token from KEDA"
FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        (None, OWN),
        ({"serviceAccount": FILE}, OWN),
        ({"serviceAccount": "/run/../run/secrets/kubernetes.io/serviceaccount/..data/token"}, OWN),
        ({"serviceAccountName": "", "serviceAccount": FILE}, OWN),
        ({"serviceAccountName": "reader"}, ""),
        ({"serviceAccountName": "reader", "serviceAccount": FILE}, ""),
        # A ServiceAccount of this namespace, whatever its name.
        ({"serviceAccountName": "keda-operator"}, ""),
        ({}, ""),
    ],
)
def test_whose_token(listed: None, cluster: Cluster, credential: Any, why: str) -> None:
    said = refusal(cluster, authentication(LISTED, credential))
    assert why in said and bool(why) == bool(said)
    also = refusal(cluster, cluster_wide(authentication(LISTED, credential)))
    assert bool(also) == bool(why) or credential == {"serviceAccountName": "keda-operator"}


def test_the_operators_account_by_name(listed: None, cluster: Cluster) -> None:
    named = authentication(LISTED, {"serviceAccountName": "keda-operator"})
    assert OWN in refusal(cluster, cluster_wide(named))
    named["metadata"]["namespace"] = "keda"
    assert OWN in refusal(cluster, named, f"{KEDA}/namespaces/keda/triggerauthentications")


def test_a_token_of_ones_own_goes_anywhere_and_the_operators_does_not(listed: None, cluster: Cluster) -> None:
    plain = authentication("https://elsewhere", {"token": "of-my-own"}, authentication="token")
    assert refusal(cluster, plain) == ""
    for credential in ({}, {"token": ""}):
        borrowed = authentication("https://elsewhere", credential, authentication="token")
        assert UNLISTED in refusal(cluster, borrowed)
        borrowed["spec"]["hashiCorpVault"]["address"] = LISTED
        assert refusal(cluster, borrowed) == ""


def test_what_crashes_the_operator(listed: None, cluster: Cluster) -> None:
    nil = authentication(LISTED, None, authentication="token")
    assert "KEDA's operator panics on it" in refusal(cluster, nil)


@pytest.mark.parametrize("address", SAME)
def test_spellings_of_a_listed_address(listed: None, cluster: Cluster, address: str) -> None:
    assert refusal(cluster, authentication(address)) == ""


@pytest.mark.parametrize("address", OTHERS)
def test_addresses_that_look_like_a_listed_one(listed: None, cluster: Cluster, address: str) -> None:
    for manifest in (authentication(address), cluster_wide(authentication(address))):
        assert UNLISTED in refusal(cluster, manifest)


def test_nothing_secret_is_said(listed: None, cluster: Cluster) -> None:
    said = refusal(cluster, authentication("https://me:hunter2@elsewhere"))
    assert UNLISTED in said and LISTED in said
    assert "hunter2" not in said


def test_the_policy_has_no_type_error(listed: None, cluster: Cluster) -> None:
    path = f"{ADMISSION}/validatingadmissionpolicies/{NAME}"
    status = wait("the type check", 30, lambda: cluster.get(path).get("status"))
    assert not (status.get("typeChecking") or {}).get("expressionWarnings")


def scaling(vault: Vault) -> dict[str, Any]:
    """A ScaledObject of whoever may write in the namespace; its endpoint wants what the Vault keeps."""
    metadata = {"url": f"{vault.address}/load", "valueLocation": "value", "targetValue": "1"}
    trigger = {
        "type": "metrics-api",
        "metadata": {**metadata, "authMode": "bearer"},
        "authenticationRef": {"name": "vault"},
    }
    return scaled_object("web", NAMESPACE, "web", triggers=[trigger])


@contextmanager
def without_the_guard(cluster: Cluster, manifest: dict[str, Any]) -> Iterator[None]:
    """The policy is bound to nothing for the while, as in a cluster that never had it."""
    bound = cluster.get(f"{BINDING}/{NAME}")
    cluster.delete(f"{BINDING}/{NAME}")
    try:
        wait("no guard", 30, lambda: refusal(cluster, manifest) == "" or None)
        yield
    finally:
        kept = {key: bound[key] for key in ("apiVersion", "kind", "spec")}
        cluster.create(BINDING, {**kept, "metadata": {"name": NAME}})
        wait("the guard", 30, lambda: refusal(cluster, manifest) or None)


def operators_tokens(lab: Lab, cluster: Cluster) -> set[str]:
    """Digests of the token files that kubelet keeps for the operator's pods."""
    pods = cluster.get("/api/v1/namespaces/keda/pods?labelSelector=app%3Dkeda-operator")["items"]
    files = [
        file
        for pod in pods
        for file in (lab.root / "kubelet" / "pods" / pod["metadata"]["uid"] / "volumes").glob(
            "kubernetes.io~projected/*/token"
        )
    ]
    assert files
    return {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


ELSEWHERE = {"spec": {"hashiCorpVault": {"address": "https://elsewhere"}}}
OBJECT, SCALED = f"{AUTHENTICATIONS}/vault", f"{SCALED_OBJECTS}/web"


def test_without_the_guard_any_address_receives_the_operators_token(
    listed: None, lab: Lab, cluster: Cluster, vault: Vault
) -> None:
    """With the guard back, what stood before may be edited and deleted, but not led elsewhere."""
    thief = authentication(vault.address, None)
    with without_the_guard(cluster, thief):
        cluster.create(AUTHENTICATIONS, thief)
        cluster.create(SCALED_OBJECTS, scaling(vault))
        login = wait("a login", 60, lambda: vault.logins[0] if vault.logins else None)
    assert login.digest in operators_tokens(lab, cluster)
    assert login.length > 500
    assert login.subject == "system:serviceaccount:keda:keda-operator"
    cluster.request("PATCH", OBJECT, {"metadata": {"labels": {"team": "web"}}}, MERGE)
    with pytest.raises(Refused, match=OWN):
        cluster.request("PATCH", OBJECT, ELSEWHERE, MERGE)
    remove(cluster, SCALED)
    remove(cluster, OBJECT)


def test_with_the_guard_nobody_receives_it(listed: None, cluster: Cluster, vault: Vault) -> None:
    vault.logins.clear()
    with pytest.raises(Refused, match=OWN) as refused:
        cluster.create(AUTHENTICATIONS, authentication(vault.address, None))
    assert refused.value.status == 403
    assert cluster.get(OBJECT) is None
    cluster.create(SCALED_OBJECTS, scaling(vault))
    wait("not Ready", 60, lambda: cluster.condition(SCALED, "Ready")[0] == "False" or None)
    assert vault.logins == []
    remove(cluster, SCALED)


def test_a_legitimate_vault_gives_its_secret(listed: None, cluster: Cluster, vault: Vault) -> None:
    """KEDA logs in as the account of the namespace, reads the secret, and the trigger's endpoint takes it."""
    vault.logins.clear()
    vault.readings = 0
    cluster.create(AUTHENTICATIONS, authentication(vault.address))
    cluster.create(SCALED_OBJECTS, scaling(vault))
    wait("Active", 90, lambda: cluster.condition(SCALED, "Active")[0] == "True" or None)
    assert vault.readings > 0
    assert {login.subject for login in vault.logins} == {f"system:serviceaccount:{NAMESPACE}:reader"}
    with pytest.raises(Refused, match=UNLISTED):
        cluster.request("PATCH", OBJECT, ELSEWHERE, MERGE)
    remove(cluster, SCALED)
    remove(cluster, OBJECT)
