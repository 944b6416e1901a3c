"""Hands a Keras model over to PyTorch: the same model, in code you would have written yourself."""

from keras2torch.port import Port, port

__all__ = ["Port", "port"]
