"""A model's graph as PyTorch sees it: capture, half precision, rewrites that hold for any graph, its cost."""
