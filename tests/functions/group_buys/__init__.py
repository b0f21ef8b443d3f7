"""Buying together, through the doors."""
