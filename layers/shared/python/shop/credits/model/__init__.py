"""Credit accounts, their entries and what pays an order; pure."""
