"""Scaling behaviour as tests, without a cluster: assertions on a ScaledObject under a signal.

Each assertion runs the simulation in its slowest phase: the signal changes right after a poll, and the HPA
syncs right before each poll (`keda.timelines.settled`). What holds there holds in any phase. All raise
AssertionError with the timeline, and ValueError for a signal, a time or a manifest that cannot be simulated.

`workload` is a file, the manifest, or the typed ScaledObject. `signal` is what a trigger reads, as
`keda simulate --signal` has it, or one for each trigger. The pytest plugin with the fixture
`golden_timeline` is `keda.testing.plugin`.
"""

from keda.testing.assertions import (
    assert_monotone,
    assert_no_flap,
    assert_scales,
    assert_within_budget,
    timeline,
)

__all__ = ["assert_monotone", "assert_no_flap", "assert_scales", "assert_within_budget", "timeline"]
