"""The recipes whose signal is in Prometheus, and how KEDA identifies itself there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from components.recipes.base import Recipe
from components.setting import Setting
from components.workload import Workload
from keda import MISSING, Fault, Metadata, Prometheus, TriggerAuthentication, TriggerAuthenticationSpec
from keda.core.errors import PLAIN_TEXT, is_secret_key, is_secret_value, join
from keda.core.model import ObjectName
from keda.resources import KeyRef
from keda.triggers.base import AuthenticationRef
from keda.triggers.parameters import Pairs

Mode = Literal["bearer", "basic", "custom", "tls"]
_PARAMETERS: dict[Mode, tuple[str, ...]] = {
    "bearer": ("bearerToken",),
    "basic": ("username", "password"),
    "custom": ("customAuthHeader", "customAuthValue"),
    "tls": ("cert", "key"),
}
"""What KEDA requires for each mode (pkg/scalers/authentication/authentication_types.go, v2.19.0)."""
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie")


class AuthenticationKeys(Setting):
    """The key of the Secret that holds each parameter, where it has not the parameter's own name."""

    bearer_token: str | None = Field(default=None, min_length=1, examples=["token"])
    username: str | None = Field(default=None, min_length=1, examples=["username"])
    password: str | None = Field(default=None, min_length=1, examples=["password"])
    custom_auth_header: str | None = Field(default=None, min_length=1, examples=["header"])
    custom_auth_value: str | None = Field(default=None, min_length=1, examples=["value"])
    cert: str | None = Field(default=None, min_length=1, examples=["tls.crt"])
    key: str | None = Field(default=None, min_length=1, examples=["tls.key"])
    ca: str | None = Field(default=None, min_length=1, examples=["ca.crt"])


class Authentication(Setting):
    """A Secret of the workload's namespace, which the user makes, and the headers that are not secret."""

    consequence = "Prometheus would refuse KEDA, and nothing would scale."

    secret: ObjectName | None = Field(default=None, examples=["prometheus"])
    modes: tuple[Mode, ...] = Field(default=(), examples=["[bearer]"])
    keys: AuthenticationKeys = AuthenticationKeys()
    headers: Pairs = Field(default_factory=dict, examples=["{X-Scope-OrgID: homelab}"])

    def faults(self) -> Iterator[Fault]:
        """Modes that exclude one another, and keys without their mode or Secret."""
        # pkg/scalers/prometheus_scaler.go, ExecutePromQuery: a switch, whose first case that fits is taken.
        sent = [mode for mode in ("bearer", "basic", "custom") if mode in self.modes]
        if len(sent) > 1:
            why = f"has {' and '.join(sent)}, of which KEDA sends {sent[0]} only. {self.consequence}"
            fix = "Keep one. A header that is not secret, such as a tenant, goes into headers."
            yield Fault("modes", ",".join(self.modes), why, fix)
        if self.modes and self.secret is None:
            why = f"missing, and required by modes. {self.consequence}"
            yield Fault("secret", MISSING, why, "Write e.g. secret: prometheus.")
        if not self.modes and (self.secret or self.keys.dump() or not self.headers):
            why = f"missing, and required. {self.consequence}"
            yield Fault("modes", MISSING, why, "Write e.g. modes: [bearer].")
        read = {"ca", *(parameter for mode in self.modes for parameter in _PARAMETERS[mode])}
        if self.modes:
            for parameter, key in self.keys.dump().items():
                if parameter not in read:
                    why = f"is not read with modes [{', '.join(self.modes)}]. KEDA would ignore it."
                    yield Fault(join("keys", parameter), key, why, "Remove it, or add its mode.")
        for parameter, key in self.keys.dump().items():
            if is_secret_value(key):
                fix = "Put it into the Secret, and write the key that it has there."
                yield Fault(join("keys", parameter), MISSING, PLAIN_TEXT, fix)
        for header, value in self.headers.items():
            if header.lower() in _SECRET_HEADERS or is_secret_key(header) or is_secret_value(value):
                fix = "Write modes: [custom], and put the header's name and value into the Secret."
                yield Fault(join("headers", header), MISSING, PLAIN_TEXT, fix)

    def spec(self) -> TriggerAuthenticationSpec:
        """Which key of the Secret is which parameter."""
        names = self.keys.dump()
        parameters = [parameter for mode in self.modes for parameter in _PARAMETERS[mode]]
        parameters += ["ca"] if "ca" in names else []
        return TriggerAuthenticationSpec(
            secret_target_ref=tuple(
                KeyRef(parameter=parameter, name=self.secret or "", key=names.get(parameter, parameter))
                for parameter in parameters
            )
        )


class PrometheusRecipe(Recipe):
    """One query, at the server that `monitoring.prometheus` names."""

    authentication: Authentication | None = None

    def models(self, name: str, prometheus: str) -> Workload:
        """With a TriggerAuthentication if the settings have `authentication.modes`."""
        scaled = super().models(name, prometheus)
        if self.authentication is None or not self.authentication.modes:
            return scaled
        metadata = Metadata(name=_authentication_name(name), namespace=self.namespace)
        made = TriggerAuthentication(metadata=metadata, spec=self.authentication.spec())
        return replace(scaled, authentications=(*scaled.authentications, made))

    def trigger(self, name: str, prometheus: str, **parameters: Any) -> Prometheus:
        """The workload's trigger, with what identifies KEDA."""
        authentication = self.authentication
        if authentication and authentication.modes:
            reference = AuthenticationRef(name=_authentication_name(name))
            parameters |= {"auth_modes": authentication.modes, "authentication_ref": reference}
        if authentication and authentication.headers:
            parameters["custom_headers"] = authentication.headers
        return Prometheus(server_address=prometheus, **parameters)


def _authentication_name(workload: str) -> str:
    """Of its own: one TriggerAuthentication has one owner."""
    return f"{workload}-prometheus"
