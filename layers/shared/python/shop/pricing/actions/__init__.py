"""What is done with prices."""
