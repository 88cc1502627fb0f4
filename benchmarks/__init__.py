"""Measurements: what is measured, how, and the records that tables are made from."""
