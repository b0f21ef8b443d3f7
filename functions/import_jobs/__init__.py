"""Imports of large product files."""
