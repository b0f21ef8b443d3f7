"""Pricing: what a basket costs, and why.

Business rules: docs/rules/pricing.md.
"""
