"""Manifests as files, streams and Kustomize folders, read once, with one meaning of unknown."""
