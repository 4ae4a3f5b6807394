"""KEDA's scale loop of one ScaledObject (KEDA 2.19.0, pkg/scaling/executor/scale_scaledobjects.go)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from keda.scaling.metrics import State
from keda.scaling.reasons import Reason
from keda.scaling.scaled_object import ScaledObject


class Action(NamedTuple):
    """What a poll does: `replicas` to set, or None to leave them, and why."""

    replicas: int | None
    reason: Reason


@dataclass(slots=True)
class Loop:
    """RequestScale, with the ScaledObject's creation and status.lastActiveTime."""

    scaled_object: ScaledObject
    created: int = 0
    last_active: int | None = None

    @property
    def paused(self) -> bool:
        """NeedToBePausedByAnnotation: the loop is stopped, the HPA deleted."""
        annotations = self.scaled_object.annotations
        return annotations.paused or annotations.paused_replicas is not None

    def poll(self, now: int, replicas: int, state: State) -> Action:
        """One poll of a ScaledObject that is not paused."""
        forced = self.scaled_object.annotations.force_activation
        if state.active or forced:
            return self._active(now, replicas, state, forced)
        return self._inactive(now, replicas, state)

    def paused_poll(self, replicas: int) -> Action:
        """While paused: paused-replicas first drives the target to its count, `paused` leaves it."""
        count = self.scaled_object.annotations.paused_replicas
        if count is None:
            return Action(None, Reason("paused"))
        return Action(None if count == replicas else count, Reason("paused-replicas", {"replicas": count}))

    def _active(self, now: int, replicas: int, state: State, forced: bool) -> Action:
        scaled_object = self.scaled_object
        below_idle = scaled_object.idle is not None and replicas < scaled_object.minimum
        if replicas == 0 or below_idle:
            if scaled_object.annotations.paused_scale_out:
                return Action(None, Reason("scale-out-paused"))
            self.last_active = now
            if forced:
                return Action(max(1, scaled_object.minimum), Reason("forced"))
            return Action(max(1, scaled_object.minimum), Reason("activated", {"trigger": state.trigger}))
        if state.error:  # the time of the last activity is not written then
            return Action(None, Reason("partly-failing"))
        self.last_active = now
        return Action(None, Reason("active"))

    def _inactive(self, now: int, replicas: int, state: State) -> Action:
        scaled_object, fallback = self.scaled_object, self.scaled_object.fallback
        if state.error and fallback is not None and fallback.replicas != 0:
            return Action(None, Reason("fallback-pending", {"threshold": fallback.threshold}))
        if state.error and fallback is None:
            return Action(None, Reason("trigger-error"))
        above_idle = scaled_object.idle is not None and replicas > scaled_object.idle
        if above_idle or (replicas > 0 and scaled_object.minimum == 0):
            return self._to_zero_or_idle(now)
        if replicas < scaled_object.minimum and scaled_object.idle is None:
            return Action(scaled_object.minimum, Reason("to-minimum", {"minimum": scaled_object.minimum}))
        return Action(None, Reason("inactive"))

    def _to_zero_or_idle(self, now: int) -> Action:
        """scaleToZeroOrIdle. Without any activity yet the initial cooldown counts, from the creation on.

        A poll exactly one cooldown after the last activity scales down: lastActiveTime is stored in whole
        seconds, cut, so that a little more than the cooldown has passed for KEDA.
        """
        scaled_object = self.scaled_object
        if scaled_object.annotations.paused_scale_in:
            return Action(None, Reason("scale-in-paused"))
        if self.last_active is None:
            since, cooldown = self.created, scaled_object.initial_cooldown
        else:
            since, cooldown = self.last_active, scaled_object.cooldown
        numbers = {"waited": (now - since) // 1000, "cooldown": cooldown // 1000}
        if now - since < cooldown:
            return Action(None, Reason("cooling-down", numbers))
        if scaled_object.idle is not None:
            return Action(scaled_object.idle, Reason("to-idle", numbers))
        return Action(scaled_object.minimum, Reason("to-zero", numbers))
