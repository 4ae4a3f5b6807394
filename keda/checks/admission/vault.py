"""What KEDA requires of a TriggerAuthentication that reads HashiCorp Vault, when it builds the scaler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks import edits
from keda.checks.registry import AUTHENTICATIONS, TRIGGERS, Problem, error
from keda.checks.scaling import SPEC, spec_of
from keda.core.errors import MISSING, did_you_mean, one_of
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, mapping, sequence

_LOGINS = ("token", "kubernetes")
_SECRET_TYPES = ("secret", "secretV2", "pki")
_NOT_BUILT = "KEDA could build no scaler that refers to this: never Ready, nothing scales."
_AT: At = (*SPEC, "hashiCorpVault")

VAULT_LOGIN = error(
    "vault-login",
    TRIGGERS,
    summary="A Vault that KEDA cannot read",
    why=(
        "KEDA logs in to Vault when it builds the scaler (hashicorpvault_handler.go:102); neither the CRD "
        "nor the webhook validates the words. Valid are the logins token and kubernetes, the latter with "
        "mount, role and a ServiceAccount, and the types secret, secretV2 and pki."
    ),
    passes="""
        hashiCorpVault:
          address: https://vault.example.org
          authentication: kubernetes
          role: shop
          mount: kubernetes
          credential: {serviceAccountName: shop-vault}
          secrets: [{parameter: host, path: secret/data/rabbitmq, key: uri, type: secretV2}]
    """,
    see="secrets.md",
)


@VAULT_LOGIN.on(*AUTHENTICATIONS)
def words(item: Item) -> Iterator[Problem]:
    """The login and the types of the secrets. hashicorpvault_handler.go:150 and :298."""
    vault = _read(item)
    login = vault.get("authentication")
    if isinstance(login, str) and login not in _LOGINS:
        yield _unknown((*_AT, "authentication"), login, _LOGINS, "vault auth method {} is not supported")
    for index, secret in enumerate(map(mapping, sequence(vault.get("secrets")))):
        kind = secret.get("type")
        if isinstance(kind, str) and kind and kind not in _SECRET_TYPES:
            at = (*_AT, "secrets", index, "type")
            yield _unknown(at, kind, _SECRET_TYPES, "unsupported vault secret type {}")


def _read(item: Item) -> Mapping[Any, Any]:
    """The Vault that KEDA reads: one without secrets it does not ask (scale_resolvers.go:305)."""
    vault = mapping(spec_of(item, "hashiCorpVault"))
    return vault if sequence(vault.get("secrets")) else {}


def _unknown(at: At, word: str, known: tuple[str, ...], keda: str) -> Problem:
    near = did_you_mean(word, known)
    what, fix = one_of(known, near)
    return Problem(at, word, what, fix, keda.format(word), edits.word(word, near), why=_NOT_BUILT)


@VAULT_LOGIN.on(*AUTHENTICATIONS)
def kubernetes_login(item: Item) -> Iterator[Problem]:
    """What the login by a ServiceAccount needs. hashicorpvault_handler.go:113."""
    vault = _read(item)
    if vault.get("authentication") != "kubernetes":
        return
    for key, keda in (("mount", "auth mount not in config"), ("role", "k8s role not in config")):
        if vault.get(key) in (None, ""):
            what, why = "missing, and required by the login kubernetes.", _NOT_BUILT
            yield Problem(
                (*_AT, key), MISSING, what, f"Write the {key} that the login has in Vault.", keda, why=why
            )
    credential = vault.get("credential")
    accounts = [mapping(credential).get(key) for key in ("serviceAccountName", "serviceAccount")]
    if isinstance(credential, Mapping) and not any(accounts) and UNKNOWN not in accounts:
        yield Problem(
            (*_AT, "credential"),
            MISSING,
            "names no ServiceAccount.",
            "Write credential: {serviceAccountName: <name>}.",
            "k8s SA file not in config or serviceAccountName not supplied",
            why=_NOT_BUILT,
        )
