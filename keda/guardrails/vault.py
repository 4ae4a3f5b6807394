"""Which token KEDA may send to which Vault: `keda.scalers.vault` on the objects of a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keda.checks.registry import AUTHENTICATIONS
from keda.guardrails import Finding, Undecided
from keda.guardrails.scaling import NOT_YET
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.objects import Item, items
from keda.manifests.reading import dig, mapping
from keda.scalers.vault import (
    CONSEQUENCE,
    CRASH,
    OPERATOR,
    crashes,
    listed,
    operator_token,
    sends_token,
    vault_address,
)

Vault = Mapping[Any, Any]
# What decides over the token, then the address it is sent to.
_READ = ("authentication", "credential", "address")


def vault_token(declared: Declared, addresses: Sequence[str] | None) -> Iterator[Finding]:
    """The operator's own token, what crashes it, or any token for an address that is not among `addresses`.

    `addresses` are as in the policy config; None lists no address and leaves the comparison out.
    """
    known = [address for each in addresses or () if (address := vault_address(each))]
    for item, vault in _vaults(declared):
        if UNKNOWN in _unknown(vault):
            continue
        at = f"{item.ref} spec.hashiCorpVault"
        if path := operator_token(vault, OPERATOR):
            yield Finding(
                f"{at}.{'.'.join(path)}: {'missing' if len(path) == 1 else 'a token of the operator'}. "
                f"{CONSEQUENCE} Write credential: {{serviceAccountName: <name>}}, a ServiceAccount of the "
                "workload's namespace that has a role in Vault.",
                (item.ref,),
            )
        elif crashes(vault):
            yield Finding(f"{at}.credential: missing. {CRASH} Write credential: {{}}.", (item.ref,))
        elif addresses is not None and sends_token(vault) and not listed(vault.get("address"), known):
            yield Finding(
                f"{at}.address: not one of the Vaults that may receive a token from KEDA "
                f"({', '.join(known) or 'none is listed'}). The owner of another one could use the token. "
                "Write a listed address as it is, without a path, or add this one "
                "(--policy-pack-config: keda-vault-token.addresses).",
                (item.ref,),
            )


def undecided_vault(declared: Declared) -> Iterator[Undecided]:
    """The fields of a Vault that are not known yet."""
    for item, vault in _vaults(declared):
        for key, value in zip(_READ, _unknown(vault), strict=True):
            if value is UNKNOWN:
                yield Undecided(item.ref, item.where, f"spec.hashiCorpVault.{key}", NOT_YET)


def _vaults(declared: Declared) -> Iterator[tuple[Item, Vault]]:
    for item in items(declared.manifest, declared.where):
        if item.group == "keda.sh" and item.kind in AUTHENTICATIONS:
            vault = item.spec.get("hashiCorpVault")
            if isinstance(vault, Mapping):
                yield item, vault
            elif vault is UNKNOWN or item.manifest.get("spec") is UNKNOWN:
                yield item, dict.fromkeys(_READ, UNKNOWN)


def _unknown(vault: Vault) -> tuple[object, ...]:
    """UNKNOWN for each field of `_READ` that holds it, None for the others."""
    credential = mapping(vault.get("credential"))
    inner = [dig(credential, key) for key in ("serviceAccountName", "serviceAccount", "token")]
    found: dict[str, object] = {key: vault.get(key) for key in _READ}
    if UNKNOWN in inner:
        found["credential"] = UNKNOWN
    return tuple(UNKNOWN if value is UNKNOWN else None for value in found.values())
