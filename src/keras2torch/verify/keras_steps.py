"""Trains the original in Keras, in a process of its own, and tells every step.

Called as ``python -m keras2torch.verify.keras_steps`` with KERAS_BACKEND set and a JSON job on the
first line of standard input: ``model`` (a ``.keras`` file), ``precision``, ``data`` (.npz),
``inputs`` and ``outputs`` (names), ``epochs``, ``steps`` (all epochs' at most), ``batch_size``,
``seed`` and ``variables``: the file in which to leave the variables after each step, if any. A slot
of it that was used before is filled again once a further line has come. With ``nudged`` all weights
start one unit in their last place away.

Training is Keras' own ``fit``; what it does not tell (each step's loss alone, the gradients) is
reported out of its graph.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras2torch.readers import read
from keras2torch.verify import keras_random
from keras2torch.verify.keras_worker import as_array, in_precision, load_original
from keras2torch.verify.random_stream import Stream
from keras2torch.verify.shared_variables import SLOTS, SharedVariables
from keras2torch.verify.step_protocol import (
    CLASS_WEIGHTS,
    TARGETS,
    VALIDATION,
    WEIGHTS,
    Array,
    hear,
    keys,
    load_data,
    tell,
    weighted,
)


def compile_as_saved(model: Any, path: str, precision: str) -> None:
    """Compile the model as it was saved, with an optimizer that has not stepped yet."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))["compile_config"]
    if precision == "float64":
        config = _as_given(in_precision(config, precision))
    with read(path) as saved:
        scaled = saved.optimizer_scaled
    config["steps_per_execution"] = 1
    # XLA on TensorFlow can't call back into Python; what a file says is for its own backend.
    config["jit_compile"] = False if keras.backend.backend() == "tensorflow" else "auto"
    model.compile_from_config(config)
    if scaled and not isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        # As compile() did under the policy mixed_float16, which a file does not tell of a model.
        model.optimizer = keras.optimizers.LossScaleOptimizer(model.optimizer)


def _as_given(part: Any) -> Any:
    """The config with learning rates as they were given: Keras keeps 0.001 in float32, and saves
    0.0010000000474974513, which would be another rate in float64."""
    if isinstance(part, list):
        return [_as_given(p) for p in part]
    if not isinstance(part, dict):
        return part
    rate = part.get("learning_rate")
    if isinstance(rate, float) and float(np.float32(rate)) == rate:
        part = {**part, "learning_rate": float(str(np.float32(rate)))}
    return {key: _as_given(value) for key, value in part.items()}


class _Noting(keras.src.saving.saving_lib.H5IOStore):  # type: ignore[misc]
    """Stands for the file that Keras saves to, and keeps the variables themselves."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def make(self, path: str, metadata: Any = None) -> dict[str, Any]:
        return self.kept.setdefault(path, {})

    def __bool__(self) -> bool:
        return True


def saved_variables(model: Any) -> list[tuple[str, int, Any]]:
    """The variables in floating point, with where ``model.save`` puts them: path and number."""
    store = _Noting()
    keras.src.saving.saving_lib._save_state(model, store, None, "", set())
    return [
        (path, int(number), variable)
        for path, numbered in store.kept.items()
        for number, variable in numbered.items()
        if number.isdigit() and hasattr(variable, "assign")
        if keras.backend.is_float_dtype(variable.dtype)
    ]


def nudge(model: Any) -> None:
    """Move every trained weight by one unit in its last place, up or down."""
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        values = as_array(variable)
        ends = np.where(rng.random(values.shape) < 0.5, -np.inf, np.inf)
        variable.assign(np.nextafter(values, ends.astype(values.dtype)))


def watch(model: Any, seen: dict[str, float]) -> None:
    """Have each training step leave its ``loss`` and the gradients' ``norm`` in ``seen``."""
    compute_loss = model._compute_loss
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    apply = optimizer.apply

    def reported_loss(*args: Any, training: bool = True, **options: Any) -> Any:
        loss = compute_loss(*args, training=training, **options)
        if training:
            _report(lambda value: seen.update(loss=float(value)), loss)
        return loss

    def reported_norm(grads: Any, trainable_variables: Any = None) -> Any:
        norm = _norm(grads)
        _report(lambda value: seen.update(norm=float(value)), norm)
        return apply(grads, trainable_variables)

    model._compute_loss = reported_loss
    optimizer.apply = reported_norm


def _norm(gradients: Any) -> Any:
    """The norm of all gradients together; those of an embedding's repeated rows are added first."""
    squares = []
    for gradient in gradients:
        if gradient is None:
            continue
        values = _added(gradient) if hasattr(gradient, "indices") else gradient
        half = keras.backend.standardize_dtype(values.dtype) in ("float16", "bfloat16")
        values = keras.ops.cast(values, "float32") if half else values
        squares.append(keras.ops.sum(keras.ops.square(values)))
    return keras.ops.sqrt(sum(squares[1:], start=squares[0]))


def _added(slices: Any) -> Any:
    import tensorflow as tf

    rows, places = tf.unique(tf.reshape(slices.indices, [-1]))
    values = tf.reshape(slices.values, tf.concat([[-1], tf.shape(slices.values)[-1:]], 0))
    return tf.math.unsorted_segment_sum(values, places, tf.size(rows))


def _report(told: Callable[[Any], None], value: Any) -> None:
    """Call ``told`` with the value whenever Keras' graph has computed it."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.numpy_function(told, [value], [])
    else:
        import jax

        jax.debug.callback(told, value)


class Telling(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells each step and each epoch, and leaves the variables for the other side."""

    def __init__(self, job: Mapping[str, Any], sizes: list[int], stream: Stream) -> None:
        super().__init__()
        self.job = job
        self.sizes = sizes
        self.stream = stream
        self.seen: dict[str, float] = {}
        self.shared: SharedVariables | None = None
        self.variables: list[Any] = []
        self.epoch = 0
        self.start = 0.0

    def share(self, model: Any) -> list[dict[str, Any]]:
        """Make the file for the variables; what the other side must know of it."""
        found = saved_variables(model)
        self.variables = [variable for _, _, variable in found]
        wanted = [(path, n, v.path, as_array(v)) for path, n, v in found]
        self.shared = SharedVariables.create(Path(self.job["variables"]), wanted)
        return self.shared.told()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        logs = {name: float(np.asarray(value)) for name, value in (logs or {}).items()}
        if keras.backend.backend() == "jax":
            import jax

            jax.effects_barrier()  # type: ignore[no-untyped-call]
        seconds = time.perf_counter() - self.start
        step = self.stream.step
        if self.shared is not None:
            self._leave(step)
        size = self.sizes[batch]
        tell(step=step, epoch=self.epoch, size=size, seconds=seconds, logs=logs, **self.seen)
        self.stream.step += 1
        if self.stream.step == self.job["steps"]:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        told = {name: float(np.asarray(value)) for name, value in (logs or {}).items()}
        tell(ended=epoch, logs=told)

    def _leave(self, step: int) -> None:
        """Copy the variables into this step's slot, once the other side has read it."""
        if self.shared is None:
            return
        if step >= SLOTS:
            hear()
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        for place, variable in zip(self.shared.places, self.variables, strict=True):
            self.shared.array(place, step % SLOTS)[...] = as_array(variable)


def _fed(model: Any, job: Mapping[str, Any], data: Mapping[str, Array], prefix: str) -> list[Any]:
    """What ``fit`` takes: inputs, targets and, if there are any, weights, in the model's shape."""
    inputs: Any = [data[prefix + t._keras_history.operation.name] for t in model.inputs]
    if isinstance(getattr(model, "_inputs_struct", None), dict):
        inputs = dict(zip(sorted(model._inputs_struct), inputs, strict=True))
    elif len(inputs) == 1:
        inputs = inputs[0]
    fed = [inputs, _packed(model, [data[prefix + key] for key in keys(TARGETS, job["outputs"])])]
    if weighted(data, prefix, job["outputs"]) and (prefix or CLASS_WEIGHTS not in data):
        rows = len(data[prefix + keys(TARGETS, job["outputs"])[0]])
        ones = np.ones(rows, np.float32)
        names = keys(WEIGHTS, job["outputs"])
        fed.append(_packed(model, [data.get(prefix + key, ones) for key in names]))
    return fed


def _packed(model: Any, arrays: list[Any]) -> Any:
    if len(arrays) == 1:
        return arrays[0]
    return keras.tree.pack_sequence_as(model._outputs_struct, arrays)


def _sizes(rows: int, batch: int) -> Iterator[int]:
    for start in range(0, rows, batch):
        yield min(batch, rows - start)


def main() -> None:
    job = hear()
    data = load_data(job["data"])
    model = load_original(job["model"], job["precision"])
    if job.get("nudged"):
        nudge(model)
    stream = Stream(job["seed"])
    draws = keras_random.share(model, stream)
    rows = len(data[keys(TARGETS, job["outputs"])[0]])
    telling = Telling(job, list(_sizes(rows, job["batch_size"])), stream)
    variables = telling.share(model) if job["variables"] else None
    compile_as_saved(model, job["model"], job["precision"])
    watch(model, telling.seen)
    summary = io.StringIO()
    with redirect_stdout(summary):
        model.summary(line_length=72)
    tell(version=keras.version(), summary=summary.getvalue(), variables=variables)
    inputs, targets, *weights = _fed(model, job, data, "")
    validated = VALIDATION + keys(TARGETS, job["outputs"])[0] in data
    classes = data.get(CLASS_WEIGHTS)
    model.fit(
        inputs,
        targets,
        sample_weight=weights[0] if weights else None,
        class_weight=None if classes is None else dict(enumerate(classes.tolist())),
        batch_size=job["batch_size"],
        epochs=job["epochs"],
        shuffle=False,
        verbose=0,
        validation_data=tuple(_fed(model, job, data, VALIDATION)) if validated else None,
        callbacks=[telling],
    )
    tell(draws=draws.to_json())


if __name__ == "__main__":
    main()
