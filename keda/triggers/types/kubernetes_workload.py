"""The kubernetes-workload scaler (pkg/scalers/kubernetes_workload_scaler.go, v2.19.0)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from keda.core.errors import Refused
from keda.syntax.selector import is_selector
from keda.triggers.base import Trigger
from keda.triggers.parameters import Number, Text


def selector(value: str) -> str:
    """A label selector as `kubectl get pods -l` takes it. Raises Refused."""
    if not is_selector(value):
        raise Refused("is not a label selector.")
    return value


class KubernetesWorkload(Trigger):
    """Pods of the namespace that match a selector and have not ended (pending ones count).

    With AverageValue, replicas = ceil(pods / value).
    """

    scaler: ClassVar[str] = "kubernetes-workload"

    pod_selector: Annotated[Text, AfterValidator(selector)] = Field(examples=["app=frontend"])
    value: Number = Field(default=0, examples=[2])
    """Pods one replica is worth. KEDA's default, 0, is one it refuses: so this is required in effect."""
    activation_value: Number = Field(default=0, examples=[0])
    """Active (0 -> 1) when there are *more* pods than this. Default: 0."""
