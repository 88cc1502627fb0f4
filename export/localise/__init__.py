"""Finding the first module whose output diverges in a runtime."""
