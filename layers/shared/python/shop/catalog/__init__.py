"""The catalogue: products and variants, their search index, and imports."""
