"""Making a bundle: the plan, its stages, and what is kept of them."""
