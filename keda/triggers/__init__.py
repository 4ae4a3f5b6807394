"""KEDA's scalers as types, one module for each family; `AnyTrigger` for those without a type yet."""

from keda.triggers.base import AuthenticationRef, Trigger
from keda.triggers.cron import Cron
from keda.triggers.kubernetes_workload import KubernetesWorkload
from keda.triggers.nats_jetstream import NatsJetStream
from keda.triggers.other import SCALERS, AnyTrigger
from keda.triggers.prometheus import Prometheus
from keda.triggers.resource_metrics import Cpu, Memory

__all__ = [
    "SCALERS",
    "AnyTrigger",
    "AuthenticationRef",
    "Cpu",
    "Cron",
    "KubernetesWorkload",
    "Memory",
    "NatsJetStream",
    "Prometheus",
    "Trigger",
]
