"""Evaluation: a network in PyTorch or a bundle in any runtime, against annotated data."""
