"""Which token KEDA's operator may send to which Vault, as an admission policy of the API server.

KEDA 2.19.0 sends the token of its own operator to any address that a TriggerAuthentication names
(`keda.scalers.vault` has the cases and their source; docs/security.md has the rest).
"""

from __future__ import annotations

from components.cluster_guard.rule import Rule, operator_name, quoted, text
from components.settings import Keda
from keda.scalers.vault import CRASH, spellings

NAME = "keda-vault-token"
RESOURCES = ("triggerauthentications", "clustertriggerauthentications")


def vault_rule(keda: Keda) -> Rule:
    """Refuses the operator's own token, any other token of KEDA's for an address that is not listed, and what
    crashes the operator.

    An object that stood before may be edited as long as its Vault stays as it is: KEDA's finalizer must be
    removable, or it is never deleted.
    """
    authentication = "object.spec.?hashiCorpVault.?authentication.orValue('')"
    token = "object.spec.?hashiCorpVault.?credential.?token.orValue('')"
    addresses = ", ".join(keda.vault_addresses)
    return Rule(
        name=NAME,
        group="keda.sh",
        resources=RESOURCES,
        conditions={
            # The words are KEDA's, matched exactly. Without a token of its own, `token` is VAULT_TOKEN of the
            # operator's environment.
            "sends-a-token": f"{authentication} == 'kubernetes' ||"
            f" ({authentication} == 'token' && {token} == '')",
            "vault-written": "oldObject == null ||"
            " object.spec.?hashiCorpVault != oldObject.spec.?hashiCorpVault",
        },
        variables={
            "vault": "object.spec.hashiCorpVault",
            "account": "variables.vault.?credential.?serviceAccountName.orValue('')",
            "file": "variables.vault.?credential.?serviceAccount.orValue('')",
            # KEDA requests the token in the namespace of the ScaledObject; a ClusterTriggerAuthentication
            # serves KEDA's own too.
            "operators": f"variables.account == {quoted(operator_name(keda))} &&"
            f" object.metadata.?namespace.orValue('') in ['', {quoted(keda.namespace)}]",
            "own": "variables.vault.authentication == 'kubernetes' && (!has(variables.vault.credential) ||"
            " (variables.account == '' && variables.file != '') || variables.operators)",
            "crashes": "variables.vault.authentication == 'token' && !has(variables.vault.credential)",
            # Texts, not parsed URLs: url() of CEL has no access to a user part, and KEDA's parser is another.
            "listed": f"[{', '.join(map(quoted, spellings(keda.vault_addresses)))}]",
        },
        valid="!variables.own && !variables.crashes &&"
        " variables.vault.address.lowerAscii() in variables.listed",
        message=text(
            "",
            "object.kind + ' ' + object.metadata.?namespace.orValue('') +"
            " (has(object.metadata.namespace) ? '/' : '') + object.metadata.name",
            " spec.hashiCorpVault",
            f"(variables.own ? {quoted(_OWN)} : variables.crashes ? {quoted(_CRASH)} :"
            f" {quoted(_UNLISTED.format(listed=addresses or 'none'))})",
        ),
        refuses=True,
        beside_scaled_objects=False,
    )


_OWN = (
    ".credential: KEDA would log in with the token of its own operator, and the owner of that address could "
    "then do all that the operator may. Write credential: {serviceAccountName: <name>}, a ServiceAccount of "
    "the workload's namespace that has a role in Vault."
)
_CRASH = f".credential: missing. {CRASH} Write credential: {{}}."
_UNLISTED = (
    ".address: not one of the Vaults that may receive a token from KEDA (listed: {listed}). The owner of "
    "another address could use the token. Write a listed address as it is, without a path; or add this one "
    "to the list (keda.vaultAddresses of the stack file)."
)
