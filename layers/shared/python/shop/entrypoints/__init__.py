"""Lambda adapters between AWS events and use cases. The only package that imports Powertools."""
