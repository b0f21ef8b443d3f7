"""Validation of VAT numbers by a library."""
