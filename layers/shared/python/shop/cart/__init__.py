"""What somebody thinks of buying: lines, priced by the shop, promised to nobody."""
