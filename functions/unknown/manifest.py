"""Where no route leads: an answer as the shop itself gives answers."""

from functions.manifest import Feature, Otherwise

FEATURE = Feature("unknown", (Otherwise(module="unknown.route"),))
