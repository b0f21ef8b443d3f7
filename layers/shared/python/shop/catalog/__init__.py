"""The catalog: products and variants, their search index, and imports."""
