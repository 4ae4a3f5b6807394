"""The `make` commands: the lab or a cluster of one's own, the Pulumi engine, and the table at the end.

The outermost ring: it may import `lab`, and reads `components`, `keda` and `policies` only through the
program that Pulumi runs.
"""
