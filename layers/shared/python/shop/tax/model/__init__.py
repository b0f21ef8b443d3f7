"""Tax rates with their dates: values and decisions, no I/O."""
