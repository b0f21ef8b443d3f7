"""Exports of whole catalogs."""
