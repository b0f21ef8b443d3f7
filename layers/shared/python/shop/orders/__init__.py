"""What was sold: an order, its life, its parcels and its payment."""
