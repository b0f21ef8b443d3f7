"""Providers, each in a module of its own: a Lambda imports only the one it talks to."""
