"""Carts: the lines that a shopper has chosen, priced on every request. A cart reserves no stock."""
