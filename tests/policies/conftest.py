"""No test of the pack reads a cluster of whoever runs it."""

import os

# Before the Kubernetes client is imported, which takes it over.
os.environ["KUBECONFIG"] = os.devnull
