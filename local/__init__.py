"""Local development environment: the cloud on a laptop and its seeded shop. None is deployed."""
