"""A real Kubernetes on this machine, with what the workloads need."""
