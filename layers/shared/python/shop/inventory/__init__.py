"""Stock: how many units there are, how many are promised, and what may still be sold."""
