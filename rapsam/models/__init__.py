"""Networks: one folder per family, and what all families share."""
