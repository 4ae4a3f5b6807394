"""KEDA's release, its defaults, and the names that stand for something everywhere."""

KEDA_VERSION = "2.19.0"
"""The release whose behaviour is checked."""

PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
"""The Prometheus Operator's Service, at its usual address."""

DEFAULT_MAX = 100
"""maxReplicaCount when unset (apis/keda/v1alpha1/scaledobject_types.go:96)."""

DEFAULT_COOLDOWN = 300
"""cooldownPeriod when unset, in seconds (pkg/scaling/executor/scale_executor.go)."""

DEFAULT_POLLING = 30
"""pollingInterval when unset, in seconds (apis/keda/v1alpha1/withtriggers_types.go)."""

RESOURCE_SCALERS = ("cpu", "memory")
"""The scalers whose metrics the HPA reads itself; KEDA reads none of them."""

TRANSFER_OWNERSHIP = "scaledobject.keda.sh/transfer-hpa-ownership"
"""The annotation with which a ScaledObject takes an HPA over (scaledobject_types.go)."""

GPUS_PER_POD = "keda-homelab.dev/gpus-per-pod"
"""Annotation of a ScaledObject: GPUs each pod asks for, where its target is declared elsewhere."""
