"""The peak: what the shop prepares before a rush, and how it keeps its head while one lasts."""
