"""Exact rewrites of RAP-SAM for deployment: new modules from trained ones, which stay as they are.

What holds for any network (folding of batch norms and constants) is in `rapsam.graph.rewrites`.
"""
