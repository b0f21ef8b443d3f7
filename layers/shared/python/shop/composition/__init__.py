"""Composition root: the object graphs that several Lambdas need, built from the environment.

One module per graph. A Lambda imports the module that it needs and loads no other (cold starts:
tests/unit/entrypoints/test_cold_start.py). Handlers import stores and gateways directly only for
objects that a single Lambda needs.
"""
