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


_WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}}}
spec:
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec:
      containers:
      - name: app
        image: registry.example.org/app-{n}:1.2.3
        resources: {{requests: {{cpu: 100m, memory: 128Mi}}}}
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: app-{n}}}
spec:
  selector: {{app: app-{n}}}
  ports: [{{port: 80, targetPort: 8080}}]
"""
_ROOT = "namespace: {place}\nresources: [../../base]\npatches: [{{path: maximum.yaml}}]\n"
_MAXIMUM = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: app-{n}, namespace: team-{team}}}
spec: {{maxReplicaCount: 9}}
"""
_PLACES = ("staging", "production")


def repository(files: int, folder: Path) -> int:
    """A repository of so many files: each application has a base, an overlay for each place and its source.
    Returns the number of its ScaledObjects, as they are applied.
    """
    written = applications = 0
    for n, document in enumerate(fleet(files)):
        if written >= files:
            break
        base = {
            "scaledobject": document,
            "deployment": _WORKLOAD.format(n=n),
            "service": _SERVICE.format(n=n),
        }
        names = ", ".join(f"{name}.yaml" for name in base)
        content = {f"base/{name}.yaml": text for name, text in base.items()}
        content["base/kustomization.yaml"] = f"resources: [{names}]\n"
        for place in _PLACES:
            content[f"overlays/{place}/kustomization.yaml"] = _ROOT.format(place=place)
            content[f"overlays/{place}/maximum.yaml"] = _MAXIMUM.format(n=n, team=n % 200)
        content |= {"README.md": "# An application\n" * 20, "src/main.py": "print('one')\n" * 50}
        for name, text in content.items():
            file = folder / f"app-{n}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        written += len(content)
        applications += 1
    return applications * len(_PLACES)
