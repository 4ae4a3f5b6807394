"""`make status`: the table of scaled workloads."""
