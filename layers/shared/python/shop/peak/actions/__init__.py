"""Use cases of traffic peaks, one module per subject."""
