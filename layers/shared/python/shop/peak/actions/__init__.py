"""What people, and the clock, do about a rush."""
