"""Shipping: available shipping methods, their prices and delivery estimates."""
