"""A callback as its owner types it: ``EarlyStopping(patience=3)``. It is read, never run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.recipes.call import NAME, Call
from keras2torch.recipes.callbacks.directions import Direction
from keras2torch.recipes.callbacks.monitored import Monitored
from keras2torch.recipes.table import call_of

LONGEST = 2000  # characters of one callback
# The arguments in Keras' order, for those that are given without their names.
ARGUMENTS = {
    "EarlyStopping": "monitor min_delta patience verbose mode baseline restore_best_weights "
    "start_from_epoch",
    "ReduceLROnPlateau": "monitor factor patience verbose mode min_delta cooldown min_lr",
    "ModelCheckpoint": "filepath monitor verbose save_best_only save_weights_only mode save_freq "
    "initial_value_threshold",
    "CSVLogger": "filename separator append",
    "TerminateOnNaN": "raise_error",
    "BackupAndRestore": "backup_dir save_freq double_checkpoint delete_checkpoint",
    "SwapEMAWeights": "swap_on_epoch",
    "TensorBoard": "log_dir histogram_freq write_graph write_images write_steps_per_second "
    "update_freq profile_batch embeddings_freq embeddings_metadata",
    "LearningRateScheduler": "schedule verbose",
    "CyclicLR": "base_lr max_lr step_size mode gamma scale_fn scale_mode",
    "ExponentialDecay": "initial_learning_rate decay_steps decay_rate staircase name",
    "InverseTimeDecay": "initial_learning_rate decay_steps decay_rate staircase name",
    "PiecewiseConstantDecay": "boundaries values name",
    "PolynomialDecay": "initial_learning_rate decay_steps end_learning_rate power cycle name",
    "CosineDecay": "initial_learning_rate decay_steps alpha name warmup_target warmup_steps",
    "CosineDecayRestarts": "initial_learning_rate first_decay_steps t_mul m_mul alpha name",
}
SETS_RATE = ("ReduceLROnPlateau", "LearningRateScheduler", "CyclicLR")


def callback_of(
    text: str,
    metrics: Mapping[str, Direction | None],
    *,
    scheduled: bool,
    averaged: bool,
    backend: str,
) -> Call:
    """The call for ``train.py``.

    ``metrics`` has the direction of each metric by its name in the logs, without ``val_``;
    ``scheduled`` says that the optimizer's learning rate is a schedule, ``averaged`` that it
    averages the weights (``use_ema``).

    Raises:
        ConfigError: what is no such call.
        UnsupportedError: a callback, or an option of it, that can't be followed.
    """
    where = f"callback {quoted(text)}"
    if len(text) > LONGEST or not text.isascii():
        raise ConfigError(f"{where}: must be ASCII, {LONGEST} characters at most")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{where}: is no call, e.g. EarlyStopping(patience=3)") from error
    saved = _saved(tree, where)
    name = saved["class_name"]
    if scheduled and name in SETS_RATE:
        raise UnsupportedError(f"{where}: the optimizer's learning rate is a schedule already")
    if name == "SwapEMAWeights" and not averaged:
        raise UnsupportedError(f"{where}: the optimizer was compiled without use_ema=True")
    call = call_of("callback", saved, where, backend)
    return call.decided(metrics, where) if isinstance(call, Monitored) else call


def _saved(tree: ast.expr, where: str) -> dict[str, Any]:
    """A call as an object of Keras' would be saved: class name and config."""
    if not isinstance(tree, ast.Call) or not NAME.fullmatch(ast.unparse(tree.func)):
        raise ConfigError(f"{where}: is no call, e.g. EarlyStopping(patience=3)")
    made = ast.unparse(tree.func).rpartition(".")[2]  # of keras.callbacks.EarlyStopping
    names = ARGUMENTS.get(made, "").split()
    if len(tree.args) > len(names):
        raise ConfigError(f"{where}: {len(tree.args)} arguments without names")
    config: dict[str, Any] = {}
    given = [*zip(names, tree.args, strict=False), *((k.arg, k.value) for k in tree.keywords)]
    for key, value in given:
        if key is None or key in config:
            raise ConfigError(f"{where}: argument {quoted(key)} is unpacked or given twice")
        config[key] = _value(value, where)
    return {"class_name": made, "config": config}


def _value(node: ast.expr, where: str) -> Any:
    if isinstance(node, ast.Call):
        return _saved(node, where)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{where}: arguments must be plain values") from error
