"""What the settings need of the cluster, read before anything is created."""
