"""Use cases of pricing: quotes, displayed prices, and the operations of staff."""
