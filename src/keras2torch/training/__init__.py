"""Training as Keras trains, in PyTorch: a library, and the source that ``train.py`` is cut from."""
