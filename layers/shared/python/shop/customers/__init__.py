"""Customers: their groups and segments, which price lists and promotions may require."""
