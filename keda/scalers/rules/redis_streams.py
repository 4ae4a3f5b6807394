"""Rules of redis-streams, redis-cluster-streams and redis-sentinel-streams."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, first_missing
from keda.scalers.rules import client, validate
from keda.scalers.rules.common import enabled_key_pair
from keda.scalers.rules.redis import redis

_TYPES = ("redis-streams", "redis-cluster-streams", "redis-sentinel-streams")

client(*_TYPES)(enabled_key_pair)


@validate(*_TYPES)
def redis_streams(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """redis_streams_scaler.go: an address as redis has it, and a stream."""
    return redis(values, trigger) or first_missing(values, "stream", words="missing redis stream name")
