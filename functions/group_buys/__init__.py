"""Group buys."""
