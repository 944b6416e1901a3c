"""The average of weights against Keras' use_ema, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parts import AVERAGING, in_keras

from keras2torch.training.moving_average import MovingAverage


@pytest.mark.parametrize("number", range(len(AVERAGING["cases"])))
@pytest.mark.parametrize(("dtype", "exact"), [("float64", 1e-14), ("float32", 3e-7)])
def test_average_is_keras(
    tmp_path_factory: pytest.TempPathFactory, number: int, dtype: str, exact: float
) -> None:
    with np.load(in_keras(tmp_path_factory) / "averaging.npz") as told:
        expected = {key: told[f"{number}.{dtype}.{key}"] for key in ("weights", "averages", "end")}
    options = AVERAGING["cases"][number]
    every = options.get("gradient_accumulation_steps", 1)
    kind = getattr(torch, dtype)
    weights = [torch.nn.Parameter(torch.tensor(w, dtype=kind)) for w in AVERAGING["start"]]
    optimizer = torch.optim.SGD(weights, lr=0.125)
    average = MovingAverage(
        weights,
        options.get("ema_momentum", 0.99),
        options.get("ema_overwrite_frequency"),
        every,
    )
    gradients = torch.tensor(AVERAGING["gradients"], dtype=kind)

    def compare(key: str, found: list[torch.Tensor], wanted: np.ndarray) -> None:
        together = torch.stack([part.detach() for part in found]).numpy()
        np.testing.assert_allclose(together, wanted, rtol=exact, atol=exact, err_msg=key)

    for step in range(len(gradients)):
        if (step + 1) % every == 0:
            mean = gradients[step + 1 - every : step + 1].mean(0)
            for weight, gradient in zip(weights, mean, strict=True):
                weight.grad = gradient
            optimizer.step()
        average.update()
        with torch.no_grad():
            torch.relu_(weights[1])
        compare(f"weights, step {step}", list(weights), expected["weights"][step])
        compare(f"averages, step {step}", average.averages, expected["averages"][step])
    again = MovingAverage([torch.nn.Parameter(torch.zeros_like(w)) for w in weights])
    again.load_state_dict(average.state_dict())
    assert again.steps == len(gradients)
    average.finish()
    compare("end", list(weights), expected["end"])
    again.finish()
    compare("end of its copy", list(again.parameters), expected["end"])
