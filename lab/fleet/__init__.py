"""The workloads that KEDA scales in the lab, under Pulumi.homelab.yaml's names, and their load."""

from lab.fleet.apply import ON_DEMAND, add, install

__all__ = ["ON_DEMAND", "add", "install"]
