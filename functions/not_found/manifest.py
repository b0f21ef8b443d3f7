"""Requests without a route: an error in the format of the application."""

from functions.manifest import DefaultRoute, Feature

FEATURE = Feature("not_found", (DefaultRoute(module="not_found.handler"),))
