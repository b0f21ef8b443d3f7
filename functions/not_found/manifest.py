"""Where no route leads: an answer as the shop itself gives answers."""

from functions.manifest import DefaultRoute, Feature

FEATURE = Feature("not_found", (DefaultRoute(module="not_found.handler"),))
