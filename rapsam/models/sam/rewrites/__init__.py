"""Exact rewrites of this family: see docs/rewrites.md."""
