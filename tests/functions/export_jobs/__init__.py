"""Exports of whole catalogs through their Lambdas."""
