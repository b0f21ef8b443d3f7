"""Credits: gift cards, store credit and points, which pay orders."""
