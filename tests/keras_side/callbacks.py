"""Keras' callbacks in simulated trainings, one decision after the other."""

import inspect
import json
from pathlib import Path
from types import SimpleNamespace

import keras
from keras.src.trainers.compile_utils import MetricsList


class Model:
    """As much of a model as callbacks look at; its weights are the number of the epoch."""

    def __init__(self, folder):
        self.stop_training = False
        self.optimizer = keras.optimizers.SGD(0.1)
        self.metrics = [MetricsList([keras.metrics.BinaryAccuracy(name="accuracy")])]
        self.weights = -1
        self.saved = []
        self.folder = folder
        self.built = True

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights

    def save(self, path, overwrite=True):
        self.saved.append(path)

    save_weights = save


def made(name, config, folder):
    config = dict(config)
    if "filename" in config:
        config["filename"] = str(Path(folder, config["filename"]))
    return getattr(keras.callbacks, name)(**config)


def train(callback, model, history):
    """What the callback did, epoch by epoch; None if it raised an error."""
    try:
        return trained(callback, model, history)
    except RuntimeError:
        return None


def trained(callback, model, history):
    told = []
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, entry in enumerate(history):
        callback.on_epoch_begin(epoch)
        for batch, logs in enumerate(entry["batches"]):
            callback.on_train_batch_end(batch, logs)
            if model.stop_training:
                break
        model.weights = epoch
        logs = dict(entry["logs"])
        callback.on_epoch_end(epoch, logs)
        told.append(
            {
                "logs": logs,
                "saved": list(model.saved),
                "stop": model.stop_training,
                "rate": float(model.optimizer.learning_rate),
            }
        )
        if model.stop_training:
            break
    callback.on_train_end()
    return {"epochs": told, "weights": model.weights}


def callbacks(job):
    """``trainings`` of (class, config, number of one of ``histories``); files go to ``folder``."""
    told = []
    for number, (name, config, history) in enumerate(job["trainings"]):
        folder = Path(job["folder"], str(number))
        folder.mkdir(parents=True)
        callback = made(name, config, folder)
        told.append(train(callback, Model(folder), job["histories"][history]))
    Path(job["folder"], "told.json").write_text(json.dumps(told))
    Path(job["folder"], "directions.json").write_text(json.dumps(directions()))


def directions():
    """Whether each of Keras' metrics is to rise or to fall, as far as it says so."""
    known = {
        "num_classes": 2,
        "target_class_ids": [0],
        "class_id": None,
        "sensitivity": 0.5,
        "specificity": 0.5,
        "recall": 0.5,
        "precision": 0.5,
        "fn": lambda y, p: y,
        "normalizer": [1.0],
        "name": "it",
        "metric": None,
    }
    found = {}
    for name, kind in vars(keras.metrics).items():
        if not inspect.isclass(kind) or not issubclass(kind, keras.Metric):
            continue
        signature = inspect.signature(kind.__init__).parameters.values()
        needed = [p.name for p in signature if p.default is p.empty and p.kind == 1]
        options = {key: known[key] for key in needed if key != "self"}
        try:
            metric = kind(**options)
        except (TypeError, AttributeError):
            continue  # an abstract one
        found[name] = getattr(metric, "_direction", None)
    return found


def swapping(job):
    """SwapEMAWeights around two updates an epoch: the weights wherever one may look."""
    told = {}
    for swap_on_epoch in (False, True):
        weight = keras.Variable([1.0, -2.0], dtype="float64")
        optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        optimizer.build([weight])
        callback = keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
        callback.set_model(SimpleNamespace(optimizer=optimizer))
        callback.set_params({"epochs": job["epochs"]})
        seen = []
        for epoch in range(job["epochs"]):
            callback.on_epoch_begin(epoch)
            for step in range(2):
                gradient = keras.ops.convert_to_tensor([1.0 + epoch, step - 0.5], "float64")
                optimizer.apply([gradient], [weight])
            for happens in (callback.on_test_begin, callback.on_test_end):
                happens()
                seen.append(weight.numpy().tolist())
            callback.on_epoch_end(epoch)
            seen.append(weight.numpy().tolist())
        optimizer.finalize_variable_values([weight])
        seen.append(weight.numpy().tolist())
        told[str(swap_on_epoch)] = seen
    Path(job["told"]).write_text(json.dumps(told))
