"""A bundle: what it holds, whether it is whole, and how it is loaded."""
