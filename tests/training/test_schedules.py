"""Learning-rate schedules against Keras, step by step."""

import numpy as np
import pytest
import torch
from conftest import made_once, run_keras
from parts import SCHEDULES, in_keras

import keras2torch.training.schedules as training
from keras2torch.errors import ConfigError, UnsupportedError
from keras2torch.recipes.table import all_recipes, call_of

EXAMPLES = SCHEDULES["examples"]
STEPS = SCHEDULES["steps"]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    with np.load(in_keras(tmp_path_factory) / "schedules.npz") as told:
        return dict(told)


@pytest.fixture(scope="session")
def compiled_by_xla(tmp_path_factory):
    def make(folder):
        job = {**SCHEDULES, "xla": True, "told": str(folder / "schedules.npz")}
        run_keras("training_parts.py", {"schedules": job}, "tensorflow")

    with np.load(made_once(tmp_path_factory, "schedules_by_xla", make) / "schedules.npz") as told:
        return dict(told)


def compare(expected, number):
    name, config = EXAMPLES[number]
    call = call_of("schedule", {"class_name": name, "config": config}, "it", "tensorflow")
    schedule = getattr(training, call.function)(*call.args, **call.options)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 3e-6)):
        torch.set_default_dtype(getattr(torch, dtype))
        rates = np.array([schedule(step) for step in range(STEPS)])
        torch.set_default_dtype(torch.float32)
        wanted = expected[dtype][number]
        np.testing.assert_allclose(rates, wanted, rtol=0, atol=tolerance * abs(wanted).max())


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_schedule_is_keras(compiled, number):
    compare(compiled, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_schedule_is_keras_compiled_by_xla(compiled_by_xla, number):
    compare(compiled_by_xla, number)


@pytest.mark.parametrize(
    ("name", "config", "error"),
    [
        ("ExponentialDecay", {"initial_learning_rate": 1}, "write 1.0"),
        ("CosineDecayRestarts", {"t_mul": 0.5}, "t_mul below 1"),
        ("PolynomialDecay", {"power": -1}, "power below 0"),
        ("PiecewiseConstantDecay", {"boundaries": [5, 3], "values": [1.0, 2.0, 3.0]}, "don't rise"),
        ("PiecewiseConstantDecay", {"boundaries": [], "values": [1.0]}, "there must be boundaries"),
        ("PiecewiseConstantDecay", {"boundaries": "12", "values": [1.0]}, "a list of numbers"),
        ("InverseTimeDecay", {"decay_steps": 0}, "a number above 0"),
        ("CosineDecay", {"warm": 3}, "not known to this version"),
    ],
)
def test_what_no_schedule_can_have_is_refused(name, config, error):
    base = next(e for e in all_recipes("schedule") if e.names[0] == name).examples[0]
    with pytest.raises((ConfigError, UnsupportedError), match=error):
        call_of("schedule", {"class_name": name, "config": {**base, **config}}, "it", "tensorflow")


def test_every_schedule_is_one_line():
    value = {
        "class_name": "CosineDecay",
        "config": {"initial_learning_rate": 0.1, "decay_steps": 9},
    }
    call = call_of("schedule", value, "learning_rate", "tensorflow")
    assert call.source() == "cosine_decay(lr=0.1, decay_steps=9)"
    assert call.helpers() == {"cosine_decay"}
