"""Request and response types of pricing."""
