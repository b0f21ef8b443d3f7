"""Stock: units on hand, units promised to orders, and units that may still be sold."""
