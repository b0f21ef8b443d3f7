"""Doorframes: what stands between AWS and an action. The only home of Powertools."""
