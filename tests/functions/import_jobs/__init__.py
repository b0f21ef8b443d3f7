"""Imports of large product files through their Lambdas."""
