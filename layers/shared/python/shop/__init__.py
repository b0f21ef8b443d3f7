"""The house: a floor per business capability, standing on the kernel."""
