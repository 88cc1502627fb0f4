"""What leaves a phone's accelerator, or is wrong on it, before anyone waits for a conversion."""
