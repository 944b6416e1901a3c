"""Metrics with Keras' arithmetic in PyTorch."""
