"""Annotated data sets in the folder layouts of their owners."""
