"""The workshop: the whole cloud on a laptop, and its seeded shop. Nothing here is deployed."""
