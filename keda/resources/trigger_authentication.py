"""TriggerAuthentication and ClusterTriggerAuthentication: where a trigger's secrets come from (v2.19.0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from keda.core.errors import MISSING, PLAIN_TEXT, Fault
from keda.core.model import Model, ObjectName
from keda.resources.metadata import ClusterMetadata, Metadata, Resource


class AuthModel(Model):
    """The base of everything below."""

    consequence = "KEDA could not read the secret, and would only log it."


class KeyRef(AuthModel):
    """One key of a Secret or a ConfigMap of the same namespace, as one trigger parameter."""

    parameter: str = Field(min_length=1, examples=["password"])
    name: ObjectName = Field(examples=["my-secret"])
    key: str = Field(min_length=1, examples=["password"])


class EnvironmentRef(AuthModel):
    """An environment variable of the target's container, as one trigger parameter."""

    parameter: str = Field(min_length=1, examples=["password"])
    name: str = Field(min_length=1, examples=["PASSWORD"])
    container_name: str | None = None


class PodIdentity(AuthModel):
    """A cloud identity of KEDA's operator or of the workload."""

    consequence = "KEDA's webhook would reject the object."

    provider: Literal["azure-workload", "gcp", "aws", "aws-eks", "none"] = Field(examples=["aws"])
    identity_id: str | None = Field(default=None, min_length=1)
    identity_tenant_id: str | None = Field(default=None, min_length=1)
    identity_authority_host: str | None = None
    role_arn: str | None = None
    identity_owner: Literal["keda", "workload"] | None = None


class SecretKey(AuthModel):
    """A key of a Secret."""

    name: ObjectName = Field(examples=["my-secret"])
    key: str = Field(examples=["password"])


class SecretKeyRef(AuthModel):
    """KEDA's nesting around a key of a Secret."""

    secret_key_ref: SecretKey = Field(examples=["{name: my-secret, key: password}"])


class ValueFromSecret(AuthModel):
    """KEDA's nesting around a reference to a Secret's key."""

    value_from: SecretKeyRef = Field(examples=["{secretKeyRef: {name: my-secret, key: password}}"])


class VaultCredential(AuthModel):
    """How KEDA logs in to Vault: a token, or the service account of the kubernetes method."""

    token: str | None = None
    service_account: str | None = None
    service_account_name: str | None = None

    def faults(self) -> Iterator[Fault]:
        """A token in plain text."""
        if self.token is not None:
            yield Fault(
                "token",
                MISSING,
                PLAIN_TEXT,
                "Use Vault's kubernetes authentication with serviceAccountName.",
            )


class VaultPkiData(AuthModel):
    """The certificate that a secret of type pki requests."""

    common_name: str | None = None
    alt_names: str | None = None
    ip_sans: str | None = None
    uri_sans: str | None = None
    other_sans: str | None = None
    ttl: str | None = None
    format: str | None = None


class VaultSecret(AuthModel):
    """A trigger parameter, and the key of a Vault secret that it is read from."""

    parameter: str = Field(examples=["password"])
    path: str = Field(examples=["secret/data/keda"])
    key: str = Field(examples=["password"])
    type: Literal["", "secretV2", "secret", "pki"] | None = None
    pki_data: VaultPkiData | None = None


class HashiCorpVault(AuthModel):
    """Secrets of one Vault, with one login."""

    address: str = Field(examples=["https://vault.example.org"])
    authentication: Literal["token", "kubernetes"] = Field(examples=["kubernetes"])
    secrets: tuple[VaultSecret, ...] = Field(min_length=1, examples=["a list of secrets"])
    namespace: str | None = None
    role: str | None = None
    mount: str | None = None
    credential: VaultCredential | None = None


class AzureCredentials(AuthModel):
    """A service principal that may read the key vault."""

    client_id: str = Field(examples=["00000000-0000-0000-0000-000000000000"])
    tenant_id: str = Field(examples=["00000000-0000-0000-0000-000000000000"])
    client_secret: ValueFromSecret = Field(
        examples=["{valueFrom: {secretKeyRef: {name: my-secret, key: password}}}"]
    )


class AzureCloud(AuthModel):
    """The cloud of the key vault; the two endpoints are for type Private."""

    type: str = Field(examples=["AzurePublicCloud"])
    key_vault_resource_url: str | None = Field(default=None, alias="keyVaultResourceURL")
    active_directory_endpoint: str | None = None


class AzureSecret(AuthModel):
    """A trigger parameter, and the secret it is read from; default: its last version."""

    parameter: str = Field(examples=["password"])
    name: str = Field(examples=["my-secret"])
    version: str | None = None


class AzureKeyVault(AuthModel):
    """Secrets of one key vault, read with a service principal or a pod identity."""

    vault_uri: str = Field(examples=["https://my-vault.vault.azure.net"])
    secrets: tuple[AzureSecret, ...] = Field(min_length=1, examples=["a list of secrets"])
    credentials: AzureCredentials | None = None
    pod_identity: PodIdentity | None = None
    cloud: AzureCloud | None = None


class GcpCredentials(AuthModel):
    """The key file of a service account, in a Secret."""

    client_secret: ValueFromSecret = Field(
        examples=["{valueFrom: {secretKeyRef: {name: my-secret, key: password}}}"]
    )


class GcpSecret(AuthModel):
    """A trigger parameter, and the secret it is read from; default: its last version."""

    parameter: str = Field(examples=["password"])
    id: str = Field(examples=["my-secret"])
    version: str | None = None


class GcpSecretManager(AuthModel):
    """Secrets of Google's Secret Manager, read with a key file or a pod identity."""

    secrets: tuple[GcpSecret, ...] = Field(min_length=1, examples=["a list of secrets"])
    credentials: GcpCredentials | None = None
    pod_identity: PodIdentity | None = None


class AwsCredentials(AuthModel):
    """An access key, in Secrets."""

    access_key: ValueFromSecret = Field(
        examples=["{valueFrom: {secretKeyRef: {name: my-secret, key: password}}}"]
    )
    access_secret_key: ValueFromSecret = Field(
        examples=["{valueFrom: {secretKeyRef: {name: my-secret, key: password}}}"]
    )
    access_token: ValueFromSecret | None = None


class AwsSecret(AuthModel):
    """A trigger parameter, and the secret it is read from: as a whole, or one key of its JSON."""

    parameter: str = Field(examples=["password"])
    name: str = Field(examples=["my-secret"])
    version_id: str | None = None
    version_stage: str | None = None
    secret_key: str | None = None


class AwsSecretManager(AuthModel):
    """Secrets of AWS Secrets Manager, read with an access key or a pod identity."""

    secrets: tuple[AwsSecret, ...] = Field(min_length=1, examples=["a list of secrets"])
    credentials: AwsCredentials | None = None
    pod_identity: PodIdentity | None = None
    region: str | None = None


class BoundServiceAccountToken(AuthModel):
    """A token made for a service account; KEDA needs RBAC on serviceaccounts/token."""

    parameter: str = Field(examples=["password"])
    service_account_name: ObjectName = Field(examples=["my-service-account"])


class TriggerAuthenticationSpec(AuthModel):
    """One or several sources. An empty one is admitted by KEDA and gives a trigger nothing, so it is
    refused here.
    """

    pod_identity: PodIdentity | None = None
    secret_target_ref: tuple[KeyRef, ...] | None = None
    config_map_target_ref: tuple[KeyRef, ...] | None = None
    env: tuple[EnvironmentRef, ...] | None = None
    file_path: str | None = None
    """Read only from a ClusterTriggerAuthentication, and in place of every other source."""
    hashi_corp_vault: HashiCorpVault | None = None
    azure_key_vault: AzureKeyVault | None = None
    gcp_secret_manager: GcpSecretManager | None = None
    aws_secret_manager: AwsSecretManager | None = None
    bound_service_account_token: tuple[BoundServiceAccountToken, ...] | None = None


class TriggerAuthentication(Resource):
    """Secrets for the triggers of one namespace."""

    api_version: Literal["keda.sh/v1alpha1"] = "keda.sh/v1alpha1"
    kind: Literal["TriggerAuthentication"] = "TriggerAuthentication"
    metadata: Metadata = Field(examples=["{name: my-workload, namespace: my-namespace}"])
    spec: TriggerAuthenticationSpec = Field(examples=["its keys"])


class ClusterTriggerAuthentication(Resource):
    """Secrets for the triggers of every namespace, read from KEDA's own namespace."""

    api_version: Literal["keda.sh/v1alpha1"] = "keda.sh/v1alpha1"
    kind: Literal["ClusterTriggerAuthentication"] = "ClusterTriggerAuthentication"
    metadata: ClusterMetadata = Field(examples=["{name: my-credentials}"])
    spec: TriggerAuthenticationSpec = Field(examples=["its keys"])
