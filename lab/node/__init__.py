"""The lab's one node: its machine, programs, images and start."""
