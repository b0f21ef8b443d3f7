"""Orders: their life cycle, shipments and payment."""
