"""From a trained network to bundles for phones: capture, lowering, parity, sealing, loading."""
