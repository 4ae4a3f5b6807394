"""The sub-commands of `keda`: each module reads its arguments, prints, and returns the exit status."""
