"""Numbers of few bits: what may have them, how they are chosen, what they cost."""
