"""Places: reference data of countries and regions, and the zones and distances made of them.

Tax and shipping both decide by place. Neither depends on the other, so both depend on this.
"""
