"""Use cases of credits."""
