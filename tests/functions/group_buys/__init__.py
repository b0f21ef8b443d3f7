"""Group buys through their endpoints."""
