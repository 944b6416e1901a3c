"""How Keras' losses are written in PyTorch, a file for each or for a few that are alike."""
