"""Training as Keras trains, in PyTorch: a library, and the source that ``train.py`` is cut from.

``fit``, ``cross_validate`` and ``predict`` take any module, a port's or another; the rest can be
used by itself. Needs the extra ``train``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras2torch.training.bucketing import LengthBuckets
    from keras2torch.training.cross_validation import CrossValidation, cross_validate
    from keras2torch.training.data import ArrayData, IndexedRows
    from keras2torch.training.fitting import Fitted, fit
    from keras2torch.training.parameters import (
        RateBySchedule,
        freeze,
        layer_wise_rates,
        start_recurrences,
        unfreeze,
    )
    from keras2torch.training.plan import TrainingPlan, WeightAverage
    from keras2torch.training.predicting import predict
    from keras2torch.training.seeding import seed_everything
    from keras2torch.training.splitting import FoldPlan

# Where each name is: importing one of them, or a helper, does not import accelerate and the rest.
_PLACES = {
    "ArrayData": "data",
    "CrossValidation": "cross_validation",
    "Fitted": "fitting",
    "FoldPlan": "splitting",
    "IndexedRows": "data",
    "LengthBuckets": "bucketing",
    "RateBySchedule": "parameters",
    "TrainingPlan": "plan",
    "WeightAverage": "plan",
    "cross_validate": "cross_validation",
    "fit": "fitting",
    "freeze": "parameters",
    "layer_wise_rates": "parameters",
    "predict": "predicting",
    "seed_everything": "seeding",
    "start_recurrences": "parameters",
    "unfreeze": "parameters",
}

__all__ = [
    "ArrayData",
    "CrossValidation",
    "Fitted",
    "FoldPlan",
    "IndexedRows",
    "LengthBuckets",
    "RateBySchedule",
    "TrainingPlan",
    "WeightAverage",
    "cross_validate",
    "fit",
    "freeze",
    "layer_wise_rates",
    "predict",
    "seed_everything",
    "start_recurrences",
    "unfreeze",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
