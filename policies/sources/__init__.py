"""What declares owners outside the program: files, and a cluster that is only read."""
