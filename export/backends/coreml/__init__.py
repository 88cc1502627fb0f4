"""Core ML: an ML program in a package."""
