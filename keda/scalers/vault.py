"""HashiCorp Vault in a TriggerAuthentication: whose token KEDA's operator sends, and to which address.

Source: KEDA 2.19.0, pkg/scaling/resolver/hashicorpvault_handler.go (`Initialize` and `token`).

| authentication | credential | what the operator sends to `address` |
|---|---|---|
| kubernetes | none | the token file of its own pod |
| kubernetes | serviceAccountName | a token of that ServiceAccount, in the ScaledObject's namespace |
| kubernetes | only serviceAccount | the file of that path in its pod, if it holds a Kubernetes token |
| kubernetes | empty | nothing; the login fails |
| token | token | that token |
| token | none, or without token | VAULT_TOKEN of its own environment |

Without VAULT_TOKEN, `token` and no credential is a nil pointer (line 108).

The words `token` and `kubernetes` are matched exactly; any other authentication sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

OPERATOR = "keda-operator"
"""The ServiceAccount of KEDA's operator, as its chart names it (serviceAccount.operator.name)."""

CONSEQUENCE = (
    "KEDA 2.19 logs in with the token of its own operator, and the owner of that address can then do all "
    "that the operator may."
)

CRASH = (
    "Without VAULT_TOKEN in its environment, KEDA's operator panics on it: the ScaledObject is never Ready, "
    "and the process ends if the trigger worked before."
)

_ADDRESS = re.compile(
    r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?", re.ASCII
)
_PORTS = {"http": 80, "https": 443}


def operator_token(vault: Mapping[Any, Any], operator: str = OPERATOR) -> tuple[str, ...] | None:
    """The path below hashiCorpVault of what makes KEDA send its operator's own token; None if it does not.

    `operator` is the name of the operator's ServiceAccount; "" leaves out the comparison with it.
    """
    if vault.get("authentication") != "kubernetes":
        return None
    credential = vault.get("credential")
    if credential is None:
        return ("credential",)
    if not isinstance(credential, Mapping):
        return None
    if name := credential.get("serviceAccountName"):
        return ("credential", "serviceAccountName") if name == operator else None
    return ("credential", "serviceAccount") if credential.get("serviceAccount") else None


def crashes(vault: Mapping[Any, Any]) -> bool:
    """Whether KEDA's operator panics on it, unless VAULT_TOKEN is in its environment."""
    return vault.get("authentication") == "token" and vault.get("credential") is None


def sends_token(vault: Mapping[Any, Any]) -> bool:
    """Whether KEDA sends a token that `vault` itself does not hold: of a ServiceAccount, or VAULT_TOKEN."""
    credential = vault.get("credential")
    own = credential.get("token") if isinstance(credential, Mapping) else None
    return vault.get("authentication") == "kubernetes" or (vault.get("authentication") == "token" and not own)


def vault_address(value: str) -> str | None:
    """`value` as scheme://host[:port] in lower case; None if it is anything else or more than that."""
    address = value.removesuffix("/").lower()
    if not (value.isascii() and _ADDRESS.fullmatch(address)):
        return None
    try:
        urlsplit(address).port  # noqa: B018  raises above 65535
    except ValueError:
        return None
    return address


def spellings(addresses: Iterable[str]) -> tuple[str, ...]:
    """Every spelling, in lower case, of `addresses` that leads to the same server, sorted.

    An address counts as listed if it is one of these texts. Texts are compared, not parsed URLs: a URL that
    one parser reads as a listed host, and KEDA's as another, is never one of them.
    """
    found = set()
    for address in addresses:
        parts = urlsplit(address)
        host = address.removesuffix(f":{parts.port}") if parts.port else address
        same = {address}
        if parts.port in (None, _PORTS[parts.scheme]):
            same = {host, f"{host}:{_PORTS[parts.scheme]}"}
        found |= same | {f"{each}/" for each in same}
    return tuple(sorted(found))


def listed(address: object, addresses: Iterable[str]) -> bool:
    """Whether an object's `address` is one of `addresses`, as `vault_address` gives them."""
    return isinstance(address, str) and address.isascii() and address.lower() in spellings(addresses)
