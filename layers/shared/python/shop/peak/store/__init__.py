"""Stores of traffic peaks, in their own DynamoDB table."""
