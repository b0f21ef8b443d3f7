"""The catalogue: what the shop shows and sells, how it is found, and how it gets there."""
