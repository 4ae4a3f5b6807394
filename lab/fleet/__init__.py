"""The workloads that KEDA scales in the lab, under Pulumi.homelab.yaml's names, and their load."""

from lab.fleet.apply import alertmanager, install

__all__ = ["alertmanager", "install"]
