"""The programs a lab runs: their versions, and how each is downloaded or built."""
