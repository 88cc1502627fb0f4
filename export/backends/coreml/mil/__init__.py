"""ML programs, the content of Core ML packages, computed in PyTorch."""
