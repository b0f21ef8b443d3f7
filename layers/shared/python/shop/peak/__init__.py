"""Traffic peaks: capacity prepared ahead of a promotion, waiting rooms and kill switches."""
