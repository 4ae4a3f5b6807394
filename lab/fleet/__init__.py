"""The workloads that KEDA scales in the lab, under Pulumi.homelab.yaml's names, and their load."""

from lab.fleet.apply import install

__all__ = ["install"]
