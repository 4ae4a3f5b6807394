"""Whose token KEDA sends to a Vault, and which addresses count as listed."""

from __future__ import annotations

from typing import Any

import pytest

from keda.scalers.vault import crashes, listed, operator_token, sends_token, spellings, vault_address
from tests.vault_addresses import LISTED, OTHERS, SAME

FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@pytest.mark.parametrize(
    ("credential", "path"),
    [
        (None, ("credential",)),
        ({}, None),
        ({"token": "t"}, None),
        ({"serviceAccountName": "shop"}, None),
        ({"serviceAccountName": "shop", "serviceAccount": FILE}, None),
        ({"serviceAccountName": "", "serviceAccount": FILE}, ("credential", "serviceAccount")),
        ({"serviceAccount": "/run/../run/secrets/t"}, ("credential", "serviceAccount")),
        ({"serviceAccountName": "keda-operator"}, ("credential", "serviceAccountName")),
    ],
)
def test_whose_token(credential: dict[str, Any] | None, path: tuple[str, ...] | None) -> None:
    vault = {"authentication": "kubernetes", "credential": credential}
    assert operator_token(vault) == path
    assert sends_token(vault)
    for other in ("token", "Kubernetes", "", None):
        assert operator_token({**vault, "authentication": other}) is None
    assert crashes({**vault, "authentication": "token"}) is (credential is None)
    assert not crashes(vault)
    own = bool(credential and credential.get("token"))
    assert sends_token({**vault, "authentication": "token"}) is not own


@pytest.mark.parametrize("address", SAME)
def test_the_same_address_is_listed(address: str) -> None:
    assert listed(address, [LISTED])


@pytest.mark.parametrize("address", OTHERS)
def test_another_address_is_not(address: str) -> None:
    assert not listed(address, [LISTED])


def test_nothing_is_listed_in_an_empty_list() -> None:
    assert not any(listed(address, []) for address in [*SAME, *OTHERS])
    assert not listed(None, [LISTED])


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://Vault.vault.svc:8200/", "https://vault.vault.svc:8200"),
        ("http://[::1]:8200", "http://[::1]:8200"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        *((wrong, None) for wrong in ("vault:8200", "unix:///run/vault", "https://", "https://v:0")),
        *((wrong, None) for wrong in ("https://v:99999", "https://u@v", "https://u:p@v", "https://v/p")),
        *(
            (wrong, None)
            for wrong in ("https://v?a", "https://v#a", "https://v\\w", " https://v", "https://v\n")
        ),
        *((wrong, None) for wrong in ("https://v%41", "https://\u212aeda", "https://[v]")),
    ],
)
def test_an_address_of_the_settings_is_a_server_and_no_more(written: str, address: str | None) -> None:
    assert vault_address(written) == address


def test_the_default_port_may_be_left_out() -> None:
    assert spellings(["https://v:443"]) == spellings(["https://v"])
    assert spellings(["http://v"]) == ("http://v", "http://v/", "http://v:80", "http://v:80/")
    assert spellings(["https://v:80"]) == ("https://v:80", "https://v:80/")
