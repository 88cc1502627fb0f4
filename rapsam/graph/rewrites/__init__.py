"""Exact rewrites of captured graphs of any network. RAP-SAM's own are beside its model."""
