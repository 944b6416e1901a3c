"""One file per Keras layer: how it is written in PyTorch, with its examples."""
