"""autoscaling/v2 HorizontalPodAutoscalerBehavior: how fast the HPA may move."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from keda.core.model import Model, Positive, whole_number

_HPA = "The API server would refuse the HPA."


class ScalingPolicy(Model):
    """At most `value` pods, or percent of the pods, in any `period_seconds`."""

    consequence = _HPA

    type: Literal["Pods", "Percent"] = Field(examples=["Pods"])
    value: Positive = Field(examples=[1])
    period_seconds: Annotated[int, BeforeValidator(whole_number), Field(ge=1, le=1800)] = Field(examples=[60])


class ScalingRules(Model):
    """One direction. Unset parts are the HPA's defaults: down 300 s window and 100 % in 15 s; up no window
    and the larger of 4 pods and 100 % in 15 s.
    """

    consequence = _HPA

    stabilization_window_seconds: (
        Annotated[int, BeforeValidator(whole_number), Field(ge=0, le=3600)] | None
    ) = None
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: tuple[ScalingPolicy, ...] | None = None
    tolerance: str | None = None
    """A quantity such as "0.05". Needs the feature gate HPAConfigurableTolerance."""


class Behavior(Model):
    """Both directions."""

    consequence = _HPA

    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None
