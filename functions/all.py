"""Every Lambda of the shop, feature by feature."""

from functions.manifest import Feature

FEATURES: tuple[Feature, ...] = ()
