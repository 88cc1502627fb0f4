"""Random changes of annotated clips for training, each drawn from the generator that is given."""
