"""Tax: the dated rates of every country, the table made of them, and the form of VAT numbers."""
