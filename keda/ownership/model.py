"""What the conflict rule is about: objects, where they are declared, and how each owns a replica count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from keda.manifests.declared import Actor, ObjectRef

# Kubernetes 1.34: podautoscaler/horizontal.go, validateAndParseSelector; the limits are checked before it.
TWO_HPAS = (
    "Kubernetes stops two HPAs on the same pods (AmbiguousSelector), so nothing scales though the "
    "ScaledObject is Ready; where their limits differ, the replicas flap"
)


class ConflictKind(StrEnum):
    """What kind of second owner a ScaledObject's target has."""

    HPA = "hpa"
    SCALED_OBJECT = "scaledobject"
    REPLICAS = "replicas"
    CONTROLLER = "controller"
    VPA = "vpa"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A claim on one object: `source` writes `owned`, or writes its replicas."""

    rule: ClassVar[ConflictKind]

    source: ObjectRef
    owned: ObjectRef
    declared_by: ObjectRef
    """The manifest that declares it, which need not be the source: a Deployment's names its controller."""
    where: str
    cluster: str = ""
    live: bool = False
    held: bool = False
    goes_with: frozenset[Actor] = frozenset()
    """Whom it belongs to by ownerReferences, or works together with: these are no second owners."""

    @property
    def acts_as(self) -> frozenset[Actor]:
        """Under which names others may go with it."""
        return frozenset({(self.source.kind, self.source.name)})


@dataclass(frozen=True, kw_only=True)
class Scaled(Owner):
    """A ScaledObject, or the HTTPScaledObject that makes one of its own name."""

    rule = ConflictKind.SCALED_OBJECT

    target: ObjectRef
    hpa: str
    """The name of the HPA that KEDA writes for it."""
    adopts: bool = False
    """It takes the HPA of that name over instead of competing with it."""
    resources: frozenset[tuple[str, str]] = frozenset()
    """(cpu or memory, container or "" for the pod) of its resource triggers."""

    @property
    def acts_as(self) -> frozenset[Actor]:
        """As its own kind, and as the ScaledObject that an HTTPScaledObject makes."""
        return super().acts_as | {("ScaledObject", self.source.name)}


@dataclass(frozen=True, kw_only=True)
class Hpa(Owner):
    """A HorizontalPodAutoscaler."""

    rule = ConflictKind.HPA


@dataclass(frozen=True, kw_only=True)
class Replicas(Owner):
    """A fixed `spec.replicas` in the workload's own manifest."""

    rule = ConflictKind.REPLICAS

    replicas: int


@dataclass(frozen=True, kw_only=True)
class Controller(Owner):
    """Any other controller. Its message: `source` `does`, and the ScaledObject scales …: `harm`. `fix`."""

    rule = ConflictKind.CONTROLLER

    does: str
    harm: str
    fix: str
    implied: bool = False
    """Known by the kind of the ScaledObject's target alone, without a manifest of its own."""


@dataclass(frozen=True, kw_only=True)
class Vpa(Owner):
    """A VerticalPodAutoscaler that changes requests."""

    rule = ConflictKind.VPA

    controlled: Mapping[str, frozenset[str]]
    """cpu and memory by container ("*": every other), by its policies; without policies it is both."""


@dataclass(frozen=True)
class Link:
    """Who owns the replicas of `parent` owns those of `child`: a Gateway and its proxies."""

    parent: ObjectRef
    child: ObjectRef


@dataclass(frozen=True)
class Handover:
    """A target that `scaled` takes over from a live owner, which an update gives another one."""

    scaled: Scaled
    before: Owner
    target: ObjectRef

    @property
    def message(self) -> str:
        """One line: what happens if the new owner comes first, and what to write."""
        return (
            f"{self.scaled.source} takes {self.target} over from {self.before.source}, which scales it in "
            f"the cluster until this update changes it. If {self.scaled.source} comes first, KEDA's webhook "
            f"refuses it and the update stops. Have it wait: depends_on the {self.before.source.kind} "
            f"{self.before.source.name}."
        )


@dataclass(frozen=True)
class Conflict:
    """Two owners of one object: the harm at run time (no full stop at its end), the fix, where both are."""

    rule: ConflictKind
    cluster: str
    scaled_object: ObjectRef
    other: ObjectRef
    what: str = field(compare=False)
    harm: str = field(compare=False)
    fix: str = field(compare=False)
    places: str = field(compare=False)

    @property
    def message(self) -> str:
        """One line."""
        return f"{self.what}: {self.harm}. {self.fix} {self.places}"
