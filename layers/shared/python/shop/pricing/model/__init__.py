"""What prices are made of. Standard library and kernel; no input, no output, no clock."""
