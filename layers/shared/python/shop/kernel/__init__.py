"""Base types of every capability: money, ids, errors, events, pagination. Standard library only."""
