"""What every object has: a name, a namespace, labels and annotations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from keda.core.errors import Fault, Refused
from keda.core.model import LabelName, LabelValue, Model, Namespace, ObjectName


def _annotation(value: object) -> object:
    if not isinstance(value, str):
        raise Refused("is not a string.", "Put it in quotes.", "The API server would refuse the object.")
    return value


Labels = dict[str, LabelValue]
Annotations = dict[str, Annotated[str, BeforeValidator(_annotation)]]


class Metadata(Model):
    """Metadata of a namespaced object whose name KEDA also writes as a label: at most 63 characters."""

    name: LabelName = Field(examples=["my-workload"])
    namespace: Namespace = Field(examples=["my-namespace"])
    labels: Labels | None = None
    """A ScaledObject's labels and annotations are copied to its HPA."""
    annotations: Annotations | None = None


class ClusterMetadata(Model):
    """Metadata of a cluster-wide object."""

    name: ObjectName = Field(examples=["my-credentials"])
    labels: Labels | None = None
    annotations: Annotations | None = None


class Resource(Model):
    """A Kubernetes object. Subclasses add apiVersion, kind, metadata and spec, in that order."""

    def to_manifest(self) -> dict[str, Any]:
        """The whole object, as `kubectl apply` takes it."""
        return self.dump()

    def faults(self) -> Iterator[Fault]:
        """The object is checked as its manifest is."""
        from keda.checks import faults  # The rules are needed only once an object is made.

        yield from faults.faults(self.dump())
