"""Any workload: any of KEDA's triggers on anything with a /scale subresource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from components.recipes.base import Recipe
from components.workload import Workload
from keda import (
    Fault,
    Faults,
    Metadata,
    ScaleTargetRef,
    SpecError,
    Trigger,
    TriggerAuthentication,
    TriggerAuthenticationSpec,
)
from keda.core.errors import join
from keda.core.model import LabelName


class Generic(Recipe):
    """Triggers are written as KEDA's documentation has them."""

    recipe: Literal["generic"] = Field(examples=["generic"])
    target: ScaleTargetRef = Field(examples=["{name: my-deployment}"])
    triggers: tuple[Trigger, ...] = Field(examples=["[{type: cron, metadata: {…}}]"])
    authentications: dict[LabelName, TriggerAuthenticationSpec] = Field(default_factory=dict)

    def faults(self) -> Iterator[Fault]:
        """An authentication that no trigger uses."""
        used = {trigger.authentication_ref.name for trigger in self.triggers if trigger.authentication_ref}
        for name in self.authentications.keys() - used:
            yield Fault(
                f"authentications.{name}",
                name,
                "is used by no trigger. KEDA would read nothing through it.",
                f"Write authenticationRef: {{name: {name}}} into the trigger it is for.",
            )

    def build(self, name: str, prometheus: str) -> Workload:
        """A ScaledObject with the triggers as written, and a TriggerAuthentication per entry."""
        faults, authentications = Faults(), []
        for key, spec in self.authentications.items():
            metadata = Metadata(name=key, namespace=self.namespace)
            try:
                authentications.append(TriggerAuthentication(metadata=metadata, spec=spec))
            except SpecError as error:
                for fault in error.faults:
                    path = fault.path.removeprefix("spec").removeprefix(".")
                    faults.append(fault._replace(path=path).under(join("authentications", key)))
        faults.raise_if_any()
        return Workload(self.scaled_object(name, self.target, self.triggers), tuple(authentications))
