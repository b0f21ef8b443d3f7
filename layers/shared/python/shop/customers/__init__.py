"""Customers: the groups and segments that price lists and promotions ask for."""
