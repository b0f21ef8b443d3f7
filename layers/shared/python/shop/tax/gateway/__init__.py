"""VAT numbers, validated by python-stdnum."""
