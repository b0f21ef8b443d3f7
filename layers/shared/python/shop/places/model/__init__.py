"""Countries, destinations, zones and distances; pure data and decisions."""
