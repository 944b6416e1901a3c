"""The batches of an epoch: which rows, in which order, for which process; as tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from keras2torch.errors import DataError
from keras2torch.training.bucketing import LengthBuckets, bucketed_order
from keras2torch.training.data import ArrayData
from keras2torch.training.seeding import derived_seed, seed_streams

Samples = ArrayData | Dataset[Any]
Rows = npt.NDArray[np.int64]


class RowBatch(NamedTuple):
    """One process' share of a batch.

    ``rows`` are padded to the same number in every process; the first ``real`` of them count.
    ``whole`` is the number of rows in the batch of all processes.
    """

    inputs: tuple[Tensor, ...]
    targets: Any
    weights: Any
    rows: Tensor
    real: int
    whole: int


class BatchShare(NamedTuple):
    """Which rows a process takes of a batch; ``everyone`` are the rows of all processes."""

    rows: Rows
    real: int
    everyone: Rows


@dataclass(frozen=True)
class BatchOrder:
    """How rows are put into batches; the order is a function of seed and epoch alone."""

    batch_size: int
    shuffle: bool
    seed: int
    buckets: LengthBuckets | None = None

    def epoch(self, data: Samples, epoch: int) -> list[Rows]:
        """The batches of an epoch, for all processes together."""
        count = row_count(data)
        generator = torch.Generator().manual_seed(derived_seed(self.seed, epoch))
        if self.buckets is not None:
            lengths = self._lengths(data, self.buckets)
            chosen = generator if self.shuffle else None
            return bucketed_order(lengths, self.batch_size, self.buckets.window, chosen)
        order = torch.randperm(count, generator=generator) if self.shuffle else torch.arange(count)
        return [part.numpy() for part in torch.split(order, self.batch_size)]

    @staticmethod
    def _lengths(data: Samples, buckets: LengthBuckets) -> Rows:
        if not isinstance(data, ArrayData):
            raise DataError("buckets by length need arrays: a data set does not tell lengths")
        missing = [name for name in buckets.inputs if name not in data.inputs]
        if missing:
            raise DataError(f"buckets by length: no input is called {missing[0]!r}")
        each = [buckets.lengths(data.inputs[name]) for name in buckets.inputs]
        longest: Rows = np.max(each, axis=0)
        return longest


def row_count(data: Samples) -> int:
    """How many rows there are.

    Raises:
        DataError: none, or it is not known.
    """
    if not hasattr(data, "__len__"):
        raise DataError("a data set needs a length and rows by number: an iterable one has neither")
    count = len(data)
    if count == 0:
        raise DataError("the data has no rows")
    return count


def share_of(rows: Rows, process: int, processes: int) -> BatchShare:
    """A process' share: equally many rows each, the first row standing in where they run out."""
    size = -(-len(rows) // processes)
    own = rows[process * size : (process + 1) * size]
    padded = np.concatenate([own, np.repeat(rows[:1], size - len(own))])
    return BatchShare(padded, len(own), rows)


class BatchSource(Dataset[RowBatch]):
    """Makes batches of rows; what is random in a data set depends on seed and rows alone."""

    def __init__(
        self,
        data: Samples,
        names: Sequence[str],
        buckets: LengthBuckets | None,
        entropy: tuple[int, ...],
    ) -> None:
        self.data, self.names, self.buckets, self.entropy = data, names, buckets, entropy

    def __getitem__(self, share: BatchShare) -> RowBatch:
        if isinstance(self.data, ArrayData):
            inputs, targets, weights = self._from_arrays(self.data, share)
        else:
            seed_streams(*self.entropy, int(share.rows[0]))
            inputs, targets, weights = _from_samples([self.data[int(row)] for row in share.rows])
        rows = torch.from_numpy(share.rows)
        return RowBatch(inputs, targets, weights, rows, share.real, len(share.everyone))

    def _from_arrays(
        self, data: ArrayData, share: BatchShare
    ) -> tuple[tuple[Tensor, ...], Any, Any]:
        inputs = []
        for name in self.names:
            array = data.inputs[name]
            own = array[share.rows]
            if self.buckets is not None and name in self.buckets.inputs:
                own = self.buckets.trimmed(own, self.buckets.lengths(array[share.everyone]))
            inputs.append(torch.from_numpy(np.ascontiguousarray(own)))
        rows = share.rows
        return tuple(inputs), _tensors(data.targets, rows), _tensors(data.weights, rows)


def load_batches(
    source: BatchSource, shares: Sequence[BatchShare], device: torch.device, workers: int = 0
) -> Iterator[RowBatch]:
    """The batches on their device, in order; ``workers`` processes read ahead."""
    loader: DataLoader[Any] = DataLoader(
        source,
        batch_size=None,
        sampler=shares,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),
    )
    for made in loader:
        batch = RowBatch(*made)
        yield batch._replace(
            inputs=moved(batch.inputs, device),
            targets=moved(batch.targets, device),
            weights=moved(batch.weights, device),
        )


def accumulated_parts(batch: RowBatch, parts: int, processes: int) -> list[RowBatch]:
    """The batch in parts that are computed one after the other; no part is empty."""
    size = len(batch.rows)
    step = -(-size // parts)
    made = []
    for start in range(0, size, step):
        stop = min(start + step, size)
        real = [min(max(batch.whole - p * size, 0), size) for p in range(processes)]
        made.append(
            RowBatch(
                first_rows(batch.inputs, start, stop),
                first_rows(batch.targets, start, stop),
                first_rows(batch.weights, start, stop),
                batch.rows[start:stop],
                real=min(max(batch.real - start, 0), stop - start),
                whole=sum(min(max(count - start, 0), stop - start) for count in real),
            )
        )
    return made


def moved(value: Any, device: torch.device) -> Any:
    """Tensors in tuples, lists and mappings, on a device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    return mapped_parts(lambda part: moved(part, device), value)


def mapped_parts(function: Any, value: Any) -> Any:
    """A function applied to the parts of a tuple, list or mapping; anything else as it is."""
    if isinstance(value, Mapping):
        return {name: function(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return tuple(function(part) for part in value)
    return value


def first_rows(value: Any, start: int, stop: int) -> Any:
    """Rows ``start`` to ``stop`` of every tensor."""
    if isinstance(value, Tensor):
        return value[start:stop]
    return mapped_parts(lambda part: first_rows(part, start, stop), value)


def _tensors(arrays: Any, rows: Rows) -> Any:
    if isinstance(arrays, np.ndarray):
        return torch.from_numpy(arrays[rows])
    return mapped_parts(lambda part: _tensors(part, rows), arrays)


def _from_samples(samples: list[Any]) -> tuple[tuple[Tensor, ...], Any, Any]:
    """Samples (inputs, targets[, weights]), or inputs alone, as one batch."""
    first = samples[0]
    if not isinstance(first, tuple | list):
        return (default_collate(samples),), None, None
    if len(first) not in (1, 2, 3):
        raise DataError(
            f"a sample is (inputs, targets[, weights]), this one has {len(first)} parts"
        )
    parts = [default_collate([sample[place] for sample in samples]) for place in range(len(first))]
    inputs, targets, weights = [*parts, None, None][:3]
    return (tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)), targets, weights
