"""What to do with images before a graph and with logits after it: numpy only, the reference of the apps."""
