"""Losses with Keras' arithmetic in PyTorch."""
