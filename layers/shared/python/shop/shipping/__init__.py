"""Shipping: which ways a basket can travel, what each costs and when it arrives."""
