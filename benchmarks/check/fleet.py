"""The objects that are judged: ScaledObjects of many namespaces, one in a hundred with a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MISTAKES = ("replica-bounds", "default-max", "missing-field", "trigger-name-twice")
"""Rules of `keda check` that the policies of the other tools also hold."""
EVERY = 100
"""One object in so many has a mistake."""

_OBJECT = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: app-{n}
  namespace: team-{team}
  labels:
    app.kubernetes.io/name: app-{n}
spec:
  scaleTargetRef:
{target}
  minReplicaCount: {low}
{high}
  triggers:
  - type: prometheus
    name: requests
    metadata:
      serverAddress: http://prometheus.monitoring:9090
      query: sum(rate(http_requests_total{{service="gateway-{n}"}}[2m]))
      threshold: "{threshold}"
      ignoreNullValues: "false"
  - type: kafka
    name: {second}
    metadata:
      bootstrapServers: kafka.team-{team}:9092
      consumerGroup: app-{n}
      topic: orders-{team}
      lagThreshold: "{threshold}"
"""


def fleet(count: int) -> Iterator[str]:
    """`count` documents, no two alike."""
    for n in range(count):
        mistake = MISTAKES[n // EVERY % len(MISTAKES)] if n % EVERY == EVERY - 1 else ""
        yield _OBJECT.format(
            n=n,
            team=n % 200,
            target="    kind: Deployment" if mistake == "missing-field" else f"    name: app-{n}",
            low=20 if mistake == "replica-bounds" else 1,
            high="  # no maximum" if mistake == "default-max" else "  maxReplicaCount: 10",
            second="requests" if mistake == "trigger-name-twice" else "lag",
            threshold=10 + n % 90,
        )


def write(count: int, path: Path) -> None:
    """The documents as one file."""
    with path.open("w", encoding="utf-8") as file:
        for document in fleet(count):
            file.write(f"{document}---\n")
