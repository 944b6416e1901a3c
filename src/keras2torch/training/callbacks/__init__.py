"""Callbacks with Keras' arithmetic in PyTorch."""
