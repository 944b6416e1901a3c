"""``tf.math.in_top_k`` of float64, which TensorFlow has for float32 alone."""

from __future__ import annotations

from typing import Any


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """TensorFlow's own, of the predictions' ranks: they have the same order and the same ties."""
    import tensorflow as tf

    if predictions.dtype == tf.float64:
        above = predictions[:, :, None] > predictions[:, None, :]
        ranks = tf.reduce_sum(tf.cast(above, "float32"), axis=-1)
        finite = tf.math.is_finite(predictions)
        predictions = tf.where(finite, ranks, tf.constant(float("nan")))
    return tf.math.in_top_k(targets, predictions, k)
