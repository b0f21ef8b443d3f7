"""Checkouts: from lines to a placed and paid order, for people, apps and agents alike."""
