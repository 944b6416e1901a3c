"""How a training run of Keras' is written in PyTorch: what ``compile()`` got, and callbacks.

Nothing here imports torch: writing ``train.py`` needs none. What is called is in ``training/``.
"""
