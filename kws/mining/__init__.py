"""Hard negatives: hours of recordings through a model, and what fires as a folder to look at and to train with."""
