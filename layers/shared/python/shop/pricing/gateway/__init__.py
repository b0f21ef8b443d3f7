"""Third parties that pricing asks: the forms of VAT numbers (python-stdnum)."""
