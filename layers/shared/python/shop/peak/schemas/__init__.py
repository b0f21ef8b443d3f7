"""What staff and shoppers send and read."""
