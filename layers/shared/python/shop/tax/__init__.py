"""Tax: dated rates of every country, the tax table made of them, and VAT numbers."""
