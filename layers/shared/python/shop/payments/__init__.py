"""Payments: the payment of an order, the port to a payment provider, and its gateways."""
