"""The version of the provider that the Python SDK requires."""

VERSION = "4.34.2"
