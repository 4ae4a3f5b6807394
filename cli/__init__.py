"""The `make` commands: the lab or a cluster of one's own, the Pulumi engine, and the table at the end.

The outermost ring: it may import `lab`, `keda` and, for `make init`, the settings and checks of `components`.
The program and the policy pack it only starts.
"""
