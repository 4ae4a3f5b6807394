"""Field reports by kind: the answer to each sample, and further members of the kind."""
