"""`make init`: reads a cluster and writes its first stack file."""
