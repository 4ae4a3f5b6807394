"""How fast the HPA moves: policies, windows, stabilization (Kubernetes 1.34.3,
pkg/controller/podautoscaler/horizontal.go and pkg/apis/autoscaling/v2/defaults.go).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from keda.scaling.numbers import MAX_INT32, MIN_INT32, ceil, int32


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `value` pods, or percent of the replicas at its beginning, in `period` milliseconds."""

    type: Literal["Pods", "Percent"]
    value: int
    period: int = 15_000


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """One direction; None and () are the defaults of the API server. `window` is milliseconds."""

    window: int | None = None
    select: Literal["Max", "Min", "Disabled"] = "Max"
    policies: tuple[Policy, ...] = ()
    tolerance: float | None = None


UNRULED_FACTOR = 2
"""scaleUpLimitFactor"""

_UP = (Policy("Pods", 4), Policy("Percent", 100))
_DOWN = (Policy("Percent", 100),)


@dataclass(frozen=True, slots=True)
class Behavior:
    """spec.behavior with both directions filled in; without one, the controller uses `unruled` instead."""

    up: ScalingRules
    down: ScalingRules

    @classmethod
    def filled(cls, up: ScalingRules | None, down: ScalingRules | None, downscale_window: int) -> Behavior:
        """What the API server and maybeInitScaleDownStabilizationWindow put where a part is unset."""
        up, down = up or ScalingRules(), down or ScalingRules()
        down_window = downscale_window if down.window is None else down.window
        return cls(
            ScalingRules(up.window or 0, up.select, up.policies or _UP, up.tolerance),
            ScalingRules(down_window, down.select, down.policies or _DOWN, down.tolerance),
        )


@dataclass(slots=True)
class Event:
    """A change of replicas that policies count; `outdated` ones are overwritten by the next."""

    change: int
    at: int
    outdated: bool = False


def store_event(events: list[Event], rules: ScalingRules, change: int, now: int) -> None:
    """storeScaleEvent: the last outdated event gives up its place, or the list grows."""
    longest = max((policy.period for policy in rules.policies), default=0)
    place = None
    for index, event in enumerate(events):
        event.outdated = event.outdated or event.at < now - longest
        if event.outdated:
            place = index
    if place is None:
        events.append(Event(change, now))
    else:
        events[place] = Event(change, now)


def changed_within(period: int, events: Iterable[Event], now: int) -> int:
    """getReplicasChangePerPeriod: an event exactly `period` old does not count any more."""
    return sum(event.change for event in events if event.at > now - period)


def up_limit(current: int, rules: ScalingRules, ups: list[Event], downs: list[Event], now: int) -> int:
    """The most replicas that scaleUp allows now (calculateScaleUpLimitWithScalingRules).

    A percentage is rounded up.
    """
    if rules.select == "Disabled":
        return current
    lowest = rules.select == "Min"
    limit = MAX_INT32 if lowest else MIN_INT32
    for policy in rules.policies:
        start = _period_start(current, policy, ups, downs, now)
        percent = int32(ceil(start * (1 + policy.value / 100)))
        proposed = start + policy.value if policy.type == "Pods" else percent
        limit = min(limit, proposed) if lowest else max(limit, proposed)
    return limit


def down_limit(current: int, rules: ScalingRules, ups: list[Event], downs: list[Event], now: int) -> int:
    """The fewest replicas that scaleDown allows now (calculateScaleDownLimitWithBehaviors).

    A percentage is cut.
    """
    if rules.select == "Disabled":
        return current
    smallest = rules.select == "Min"
    limit = MIN_INT32 if smallest else MAX_INT32
    for policy in rules.policies:
        start = _period_start(current, policy, ups, downs, now)
        percent = int32(start * (1 - policy.value / 100))
        proposed = start - policy.value if policy.type == "Pods" else percent
        limit = max(limit, proposed) if smallest else min(limit, proposed)
    return limit


def _period_start(current: int, policy: Policy, ups: list[Event], downs: list[Event], now: int) -> int:
    return current - changed_within(policy.period, ups, now) + changed_within(policy.period, downs, now)


def unruled_up_limit(current: int) -> int:
    """Without a behavior: twice the replicas, at least 4 (calculateScaleUpLimit)."""
    return max(UNRULED_FACTOR * current, 4)


@dataclass(slots=True)
class Highest:
    """The highest recommendation of the last `window` milliseconds.

    A recommendation exactly `window` old is out. The controller's own clock makes it so: it adds the sync
    period after each sync's work, so that the n-th sync afterwards comes a little later than n periods.
    """

    window: int
    _kept: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, now: int, replicas: int) -> None:
        """Keeps a recommendation made at `now`, in milliseconds."""
        kept = self._kept
        while kept and kept[-1][1] <= replicas:
            kept.pop()
        kept.append((now, replicas))

    def within(self, now: int, replicas: int) -> int:
        """The highest of `replicas` and what the window holds."""
        kept = self._kept
        oldest = now - self.window
        while kept and kept[0][0] <= oldest:
            kept.popleft()
        return max(kept[0][1], replicas) if kept else replicas

    def holding(self, now: int, replicas: int) -> tuple[int | None, bool]:
        """When at least `replicas` were recommended last, and whether more than that were, in the window."""
        newest, above = None, False
        for at, recommended in self._kept:
            if at > now - self.window and recommended >= replicas:
                newest, above = at, above or recommended > replicas
        return newest, above


@dataclass(slots=True)
class Recommendations:
    """What recent syncs recommended: the highest holds a way down back, the lowest a way up."""

    up_window: int
    down_window: int
    _highest: Highest = field(init=False)
    _lowest: Highest = field(init=False)

    def __post_init__(self) -> None:
        self._highest, self._lowest = Highest(self.down_window), Highest(self.up_window)

    def resize(self, up_window: int, down_window: int) -> None:
        """Other windows; recommendations that a shorter one let go are gone."""
        self.up_window, self.down_window = up_window, down_window
        self._highest.window, self._lowest.window = down_window, up_window

    def add(self, now: int, replicas: int) -> None:
        """Keeps a recommendation made at `now`, in milliseconds."""
        self._highest.add(now, replicas)
        if self.up_window:
            self._lowest.add(now, -replicas)

    def highest(self, now: int, replicas: int) -> int:
        """The highest of `replicas` and what was recommended within the window of scaling down."""
        return self._highest.within(now, replicas)

    def holding(self, now: int, replicas: int) -> tuple[int | None, bool]:
        """When at least `replicas` were recommended last, and whether more than that were."""
        return self._highest.holding(now, replicas)

    def lowest(self, now: int, replicas: int) -> int:
        """The lowest of `replicas` and what was recommended within the window of scaling up."""
        return -self._lowest.within(now, -replicas) if self.up_window else replicas
