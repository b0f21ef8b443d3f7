"""Places: reference data of countries and regions, and zones and distances.

Tax and shipping both use places and do not depend on each other.
"""
