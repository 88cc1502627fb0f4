"""ExecuTorch, with its delegates."""
