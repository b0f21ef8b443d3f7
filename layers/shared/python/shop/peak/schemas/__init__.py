"""Request and response types of kill switches and waiting rooms."""
