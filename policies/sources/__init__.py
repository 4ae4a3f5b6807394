"""The objects in what a program hands on unread: manifests, Kustomize folders, charts."""
