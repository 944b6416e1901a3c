"""How Keras' metrics are written in PyTorch, a file for each or for a few that are alike."""
