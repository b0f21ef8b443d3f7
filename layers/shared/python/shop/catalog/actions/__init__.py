"""Use cases of the catalog: the storefront, product administration and imports.

Callers import from the modules, so a shopper's Lambda does not load the code for staff.
"""
