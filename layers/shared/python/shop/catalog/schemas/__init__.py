"""The catalogue in the words of others: UCP's for shoppers, plain JSON for staff, files."""
