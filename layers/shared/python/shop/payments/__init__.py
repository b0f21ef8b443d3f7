"""Taking money: what a payment is, what the shop needs of a provider, and those it knows."""
