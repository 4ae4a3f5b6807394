"""What is wrong with an object only among others."""
