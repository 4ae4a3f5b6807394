"""What every trigger has in common, and the two ways to write one.

A manifest writes `{type: cron, name: …, metadata: {start: …}}`; Python writes `Cron(start=…, name=…)`.
Both give the
same model. Which class reads a manifest's trigger is decided by its `type`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_serializer, model_validator

from keda.errors import MISSING, Fault, Faults, SpecError, did_you_mean
from keda.model import Flag, Model, own_faults
from keda.names import ObjectName
from keda.triggers.parameters import written

_BESIDE_METADATA = frozenset({"name", "metricType", "useCachedMetrics", "authenticationRef"})
_RESOURCE_SCALERS = frozenset({"cpu", "memory"})


class AuthenticationRef(Model):
    """The TriggerAuthentication a trigger reads its secrets through. A missing one is only logged by KEDA."""

    name: ObjectName = Field(examples=["my-credentials"])
    kind: Literal["TriggerAuthentication", "ClusterTriggerAuthentication"] | None = None
    """Default: TriggerAuthentication, of the same namespace."""


class Trigger(Model):
    """One source of a metric. Subclasses add the scaler's parameters as fields."""

    scaler: ClassVar[str]
    """KEDA's word for `type`."""
    from_authentication: ClassVar[frozenset[str]] = frozenset()
    """Parameters KEDA takes from a TriggerAuthentication, and which must not stand in metadata: they are
    secrets."""

    name: str | None = None
    """Names the trigger for scalingModifiers and for metrics; unique within its object."""
    metric_type: Literal["AverageValue", "Value", "Utilization"] | None = None
    """AverageValue (default): replicas = ceil(total / target). Value: ceil(total / target x ready pods)."""
    use_cached_metrics: Flag | None = None
    """Answer the HPA from the last poll instead of asking the source each time. Default: false."""
    authentication_ref: AuthenticationRef | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "scaler" in cls.__dict__:
            _TYPES[cls.scaler] = cls

    @property
    def type(self) -> str:
        """KEDA's word for the scaler."""
        return self.scaler

    @property
    def target(self) -> float | None:
        """The target for one replica, where the scaler has one (in the metric's unit)."""
        return None

    def parameters(self) -> dict[str, str]:
        """The parameters that were set, as KEDA reads them: text."""
        own = type(self).model_fields.keys() - Trigger.model_fields.keys()
        return {
            field.alias or name: written(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if name in own & self.model_fields_set and getattr(self, name) is not None
        }

    def faults(self) -> Iterator[Fault]:
        """KEDA builds no HPA from a metric type the scaler cannot serve (pkg/scalers/scaler.go:68)."""
        if self.metric_type == "Utilization" and self.type not in _RESOURCE_SCALERS:
            yield Fault(
                "metricType",
                self.metric_type,
                f"is for cpu and memory only. {self.consequence}",
                "Write AverageValue or Value.",
            )
        if self.use_cached_metrics and self.type in _RESOURCE_SCALERS | {"cron"}:
            yield Fault(
                "useCachedMetrics",
                True,
                f"is not supported by {self.type}. KEDA's webhook would reject the object.",
                "Remove it.",
            )

    @model_serializer(mode="plain")
    def _serialize(self) -> dict[str, Any]:
        common = {
            "type": self.type,
            "name": self.name,
            "metricType": self.metric_type,
            "useCachedMetrics": self.use_cached_metrics,
            "metadata": self.parameters(),
            "authenticationRef": self.authentication_ref.dump() if self.authentication_ref else None,
        }
        return {key: value for key, value in common.items() if value is not None}

    @model_validator(mode="wrap")
    @classmethod
    def _speak(cls, data: Any, handler: Any) -> Any:
        manifest = isinstance(data, Mapping) and ("type" in data or "metadata" in data)
        if cls is Trigger and not isinstance(data, Trigger):
            return _class_for(data).parse(data)
        found, prefix = Faults(), ""
        if manifest and cls.scaler:
            data, prefix = cls._flat(data, found), "metadata"
        try:
            trigger = handler(data)
            found.extend(_placed(trigger.faults(), prefix))
        except ValidationError as error:
            found.extend(_placed(own_faults(error, cls), prefix))
        found.raise_if_any()
        return trigger

    @classmethod
    def _flat(cls, data: Mapping[str, Any], found: Faults) -> dict[str, Any]:
        """The fields of a manifest's trigger. Keys on the wrong side of `metadata` are noted in `found`."""
        common = {key: value for key, value in data.items() if key in _BESIDE_METADATA}
        for key in data.keys() - _BESIDE_METADATA - {"type", "metadata"}:
            parameters = {field.alias for field in cls.model_fields.values()} - _BESIDE_METADATA
            guess = did_you_mean(key, _BESIDE_METADATA)
            fix = (
                "Write it below metadata."
                if key in parameters
                else f"Write {guess}."
                if guess
                else "Remove it."
            )
            found.append(Fault(key, MISSING, "unknown key. The API server would drop it.", fix))
        metadata = data.get("metadata", {})
        if not isinstance(metadata, Mapping):
            found.append(
                Fault("metadata", metadata, "is not a mapping of keys.", "Write the parameters below it.")
            )
            return common
        parameters_only = {}
        for key, value in metadata.items():
            if key in cls.from_authentication:
                found.append(
                    Fault(
                        f"metadata.{key}",
                        MISSING,
                        "a secret in plain text. Anyone who may read the ScaledObject could read it.",
                        "Put it into a Secret and name that in a TriggerAuthentication.",
                    )
                )
            elif key in _BESIDE_METADATA | {"type"}:
                found.append(
                    Fault(
                        f"metadata.{key}",
                        MISSING,
                        "is not a parameter. KEDA would ignore it there.",
                        "Write it beside metadata.",
                    )
                )
            else:
                parameters_only[key] = value
        return {**common, **parameters_only}


_TYPES: dict[str, type[Trigger]] = {}
"""The typed scalers by `type`, and "" for all others; filled as their modules are imported."""


def _placed(faults: Iterator[Fault], prefix: str) -> Iterator[Fault]:
    """Faults of parameters belong below `metadata`, if that is how the trigger was written."""
    for fault in faults:
        outside = not prefix or fault.path.split(".")[0] in _BESIDE_METADATA
        yield fault if outside else fault.under(prefix)


def _class_for(data: object) -> type[Trigger]:
    if not isinstance(data, Mapping):
        raise SpecError([Fault("", data, "is not a mapping of keys.", "Write type and metadata.")])
    return _TYPES.get(str(data.get("type", "")), _TYPES[""])
