"""Two measurements beside each other: what got worse, by more than is allowed."""
