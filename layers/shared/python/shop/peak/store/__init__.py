"""The peak's own table."""
