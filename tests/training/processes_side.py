"""Started by torchrun, or alone: trains, predicts, and writes what came out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from small import fresh, small_data, small_plan
from torch import nn
from torchmetrics.classification import BinaryAUROC

from keras2torch.training.fitting import fit
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.predicting import predict

if __name__ == "__main__":
    out = Path(sys.argv[1])
    model = fresh()
    model.dropout.p = 0.0  # its masks are drawn by each process for its own rows
    data, validation = small_data(53), small_data(21, 1)  # shares of unequal size
    plan: TrainingPlan = small_plan(
        loss=nn.BCEWithLogitsLoss(reduction="none"),
        metrics={"auc": BinaryAUROC()},
        epochs=3,
        accumulate=2,
        clip_norm=0.5,
        frozen={0: ["embedding.*"], 1: [], 2: ["gru.*"]},
        device="cpu",
    )
    told = fit(model, data, plan, validation=validation, checkpoints=out / "kept", every=2)
    found = predict(model, validation, plan)
    again = fresh(5)
    resumed = fit(again, data, plan, validation=validation, checkpoints=out / "kept", resume=True)
    if told != resumed:
        raise SystemExit("resumed, it ended otherwise")
    arrays = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    history = {f"history_{name}": np.array(values) for name, values in told.history.items()}
    import torch.distributed

    if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
        np.savez(out / "out.npz", predictions=found, **arrays, **history)
