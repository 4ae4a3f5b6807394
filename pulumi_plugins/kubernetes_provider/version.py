"""The version that the Python SDK asks its provider for."""

VERSION = "4.34.2"
