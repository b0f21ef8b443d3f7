"""Credit accounts, their entries and the split of a payment: values and decisions, no I/O."""
