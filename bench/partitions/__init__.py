"""A simulation of DynamoDB partitions under a hot SKU: schemes for its rows, and their rates.

Assumptions and their sources are in the docstring of :mod:`bench.partition_simulator`.
"""
