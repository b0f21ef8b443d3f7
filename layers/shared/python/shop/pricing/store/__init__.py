"""Pricing in DynamoDB."""
