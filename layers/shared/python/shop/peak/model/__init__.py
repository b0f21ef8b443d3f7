"""Domain model of traffic peaks, waiting rooms and switch changes."""
