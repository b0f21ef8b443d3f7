"""Tax: dated rates by country, the tax table of all countries, and validation of VAT numbers."""
