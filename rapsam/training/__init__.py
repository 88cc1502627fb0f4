"""Training: samples, losses, the loop, and what is kept of a run."""
