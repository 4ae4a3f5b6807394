"""Which token KEDA may send to which Vault: `keda.scalers.vault` on the objects of a program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keda.checks.admission.authentication import VAULT_OPERATOR_TOKEN, vault_operator_token
from keda.checks.registry import AUTHENTICATIONS
from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.guardrails.keda_check import worded
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.objects import Item
from keda.manifests.reading import mapping
from keda.scalers.vault import crashes, listed, sends_token, vault_address

Vault = Mapping[Any, Any]
# What decides over the token, then the address it is sent to.
_READ = ("authentication", "credential", "address")
_CREDENTIAL = ("serviceAccountName", "serviceAccount", "token")


class VaultToken(Guardrail):
    """The operator's own token, what crashes it, or any token for an address that is not listed.

    `addresses` in the config; without it, any address is.
    """

    name = "keda-vault-token"
    summary = "KEDA sends its operator's own token to no Vault, and other tokens to listed Vaults only."
    why = (
        "With Vault's kubernetes authentication and no ServiceAccount of its own, KEDA 2.19 sends the "
        "API token of its operator to the address in the object (reported as CVE-2026-77524, fixed in "
        "2.21). Whoever runs that address can then do all that the operator may. With `addresses`, "
        "the rule also refuses any other address for a token of a ServiceAccount, or for the "
        "operator's VAULT_TOKEN."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: rabbitmq, namespace: shop}
spec:
  hashiCorpVault:
    address: https://vault.example.org:8200
    authentication: kubernetes
    role: shop
    mount: kubernetes
    secrets: [{parameter: host, path: secret/data/rabbitmq, key: uri}]
"""
    passes = """\
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: rabbitmq, namespace: shop}
spec:
  hashiCorpVault:
    address: https://vault.example.org:8200
    authentication: kubernetes
    role: shop
    mount: kubernetes
    credential: {serviceAccountName: shop-vault}
    secrets: [{parameter: host, path: secret/data/rabbitmq, key: uri}]
"""
    note = """\
`keda check` has the same rule without addresses,
[vault-operator-token](../rules/vault-operator-token.md); its annotation is not heeded here, `excluded`
is. The cluster guard has the same rule for whatever else writes: [security.md](../security.md).
"""
    example = {"addresses": ["https://vault.example.org:8200"]}
    settings = {
        "addresses": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^https?://[^/?#@\s]+/?$"},
            "description": "Vaults that may receive a token from KEDA, as scheme://host or "
            "scheme://host:port. Unset: any; []: none.",
        }
    }
    severity = "critical"

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        addresses = config.get("addresses")
        known = [address for each in addresses or () if (address := vault_address(each))]
        for item, vault in _vaults(self.program.items(declared)):
            if _unknown(vault):
                continue
            if problems := list(vault_operator_token(item)):
                # Asked directly: the annotation that silences `keda check` is not heeded here.
                for each in problems:
                    yield worded(self.program.finding(VAULT_OPERATOR_TOKEN, each, item))
            elif addresses is not None and _sends(vault) and not listed(vault.get("address"), known):
                yield Finding(
                    f"{item.ref} spec.hashiCorpVault.address: not one of the Vaults that may receive a token "
                    f"from KEDA ({', '.join(known) or 'none is listed'}). The owner of another one could use "
                    "the token. Write a listed address as it is, without a path, or add this one "
                    f"(--policy-pack-config: {self.name}.addresses).",
                    (item.ref,),
                )

    def undecided(self, declared: Declared, config: Config) -> Iterator[Undecided]:
        for item, vault in _vaults(self.program.items(declared)):
            for path in _unknown(vault):
                yield Undecided(item.ref, item.where, f"spec.hashiCorpVault.{path}")


def _sends(vault: Vault) -> bool:
    """Whether KEDA sends a token that `vault` does not hold. One that crashes the operator sends none."""
    return sends_token(vault) and not crashes(vault)


def _vaults(items: Iterable[Item]) -> Iterator[tuple[Item, Vault]]:
    for item in items:
        if item.group == "keda.sh" and item.kind in AUTHENTICATIONS:
            vault = item.spec.get("hashiCorpVault")
            if isinstance(vault, Mapping):
                yield item, vault
            elif vault is UNKNOWN or item.manifest.get("spec") is UNKNOWN:
                yield item, dict.fromkeys(_READ, UNKNOWN)


def _unknown(vault: Vault) -> list[str]:
    """The fields that decide and are not known yet, as paths below hashiCorpVault."""
    credential = mapping(vault.get("credential"))
    inner = [f"credential.{key}" for key in _CREDENTIAL if credential.get(key) is UNKNOWN]
    return [key for key in _READ if vault.get(key) is UNKNOWN] + inner
