"""Domain model of pricing: no input, no output, no clock."""
