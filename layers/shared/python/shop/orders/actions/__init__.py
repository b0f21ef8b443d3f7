"""Use cases of an order after it is placed, one module per subject."""
