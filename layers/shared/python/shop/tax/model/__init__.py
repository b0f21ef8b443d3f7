"""Tax rates as dated data; pure."""
