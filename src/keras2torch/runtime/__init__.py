"""PyTorch modules and functions with Keras' semantics, where torch has none.

Each is useful alone. When a model needs one, its source is copied into the emitted ``model.py``,
so what users get is what the tests here ran; nothing imports it from there.
"""
