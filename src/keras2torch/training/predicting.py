"""Predictions in the order of the rows, over every process there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from keras2torch.training.batches import (
    BatchOrder,
    BatchSource,
    RowBatch,
    Samples,
    first_rows,
    load_batches,
    mapped_parts,
    share_of,
)
from keras2torch.training.data import Array, ArrayData, in_dtype_of, in_forward_order
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.seeding import repeatable_run

SIDE_STREAM = 3  # random numbers of data sets outside of training


@torch.no_grad()
def predict(model: nn.Module, data: Samples, plan: TrainingPlan) -> Any:
    """What the model says of each row, in the rows' order; arrays, one per output.

    Of the plan count batch size, method, activation, device, precision, buckets and workers.
    """
    with repeatable_run(plan.deterministic, plan.threads):
        accelerator = accelerator_for(plan.device, plan.mixed_precision)
        model.to(accelerator.device)
        training = model.training
        model.eval()
        data = in_dtype_of(model, data)
        names = input_names(data, model, plan.method)
        found, rows = [], []
        for batch in shares_in_order(accelerator, data, names, plan):
            with accelerator.autocast():
                outputs = full_precision(getattr(model, plan.method)(*batch.inputs))
            shown = (plan.predicted(outputs), batch.rows.to(accelerator.device))
            if accelerator.num_processes > 1:
                shown = accelerator.gather(shown)
            predicted, own = first_rows(shown, 0, batch.whole)
            found.append(_on_cpu(predicted))
            rows.append(own.cpu())
        model.train(training)
        return _in_order(found, torch.cat(rows).numpy())


def accelerator_for(device: str, mixed_precision: str) -> Accelerator:
    """Accelerate's view of the processes and devices there are."""
    # What an earlier training in this process chose would be kept otherwise.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return Accelerator(cpu=device == "cpu", mixed_precision=mixed_precision)


def input_names(data: Samples, model: nn.Module, method: str) -> tuple[str, ...]:
    """The arrays' names in the order in which the model takes them."""
    if isinstance(data, ArrayData):
        return in_forward_order(data.inputs, model, method)
    return ()


def shares_in_order(
    accelerator: Accelerator, data: Samples, names: tuple[str, ...], plan: TrainingPlan
) -> Iterator[RowBatch]:
    """This process' shares of batches that nothing has shuffled."""
    order = BatchOrder(plan.batch_size, False, plan.seed, plan.buckets)
    shares = [
        share_of(rows, accelerator.process_index, accelerator.num_processes)
        for rows in order.epoch(data, 0)
    ]
    source = BatchSource(data, names, plan.buckets, (plan.seed, SIDE_STREAM))
    return load_batches(source, shares, accelerator.device, plan.data_workers)


def full_precision(outputs: Any) -> Any:
    """Outputs of half precision in float32; others as they are."""
    if isinstance(outputs, Tensor):
        half = outputs.dtype in (torch.float16, torch.bfloat16)
        return outputs.float() if half else outputs
    return mapped_parts(full_precision, outputs)


def detached(outputs: Any) -> Any:
    """The same values without their way back."""
    if isinstance(outputs, Tensor):
        return outputs.detach()
    return mapped_parts(detached, outputs)


def _on_cpu(outputs: Any) -> Any:
    return outputs.cpu() if isinstance(outputs, Tensor) else mapped_parts(_on_cpu, outputs)


def _in_order(parts: list[Any], rows: Array) -> Any:
    """Batches of predictions as one array per output, each row in its place."""
    first = parts[0]
    if isinstance(first, Mapping):
        return {name: _in_order([part[name] for part in parts], rows) for name in first}
    if isinstance(first, tuple):
        return tuple(_in_order([part[i] for part in parts], rows) for i in range(len(first)))
    joined = torch.cat(parts).numpy()
    ordered = np.empty_like(joined)
    ordered[rows] = joined
    return ordered
