"""What a rush needs, and who is let in meanwhile."""
