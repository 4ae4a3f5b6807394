"""The installed package, and what others run with it: CI jobs and the pre-commit hook."""
