"""What people do with the catalogue: shoppers find and choose, staff keep it, files fill it.

Each in a module of its own, imported from there: a shopper's Lambda loads nothing of the other two.
"""
