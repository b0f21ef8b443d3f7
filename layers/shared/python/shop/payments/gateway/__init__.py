"""Providers. Each sits in a module of its own, so that a Lambda imports only the one it talks to."""
