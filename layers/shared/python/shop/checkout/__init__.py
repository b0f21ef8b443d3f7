"""Buying: from lines to a placed order, through one door for people, apps and agents."""
