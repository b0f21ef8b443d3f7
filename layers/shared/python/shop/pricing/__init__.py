"""Pricing: what a basket costs, and why. The law is in docs/rules/pricing.md."""
