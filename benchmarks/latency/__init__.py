"""How fast a bundle is on a device, and whether it is right there: one record, wherever it ran."""
