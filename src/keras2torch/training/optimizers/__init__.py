"""Optimizers with Keras' arithmetic in PyTorch."""
