"""What every floor stands on: money, ids, errors, events, paging. Standard library only."""
