"""Same seed, same bits: weights, predictions, logs."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from keras2torch.errors import TrainingError


def seed_everything(seed: int, *, deterministic: bool = True) -> None:
    """Seed Python, NumPy and PyTorch (every device), and choose algorithms that repeat.

    With the same seed and number of threads (``torch.set_num_threads``) the same program computes
    the same bits. An operation that has no deterministic algorithm on its device then raises and
    says which it is; ``deterministic=False`` lets it run.
    """
    seed_streams(seed)
    torch.manual_seed(seed)  # devices that nothing has used yet too
    use_repeatable_algorithms(deterministic)


def seed_streams(*entropy: int) -> None:
    """Seed every stream of random numbers in use; several numbers are mixed into one.

    Quick enough for every update: ``torch.manual_seed`` takes a millisecond, most of it for devices
    that are not there.
    """
    words = np.random.SeedSequence(entropy).generate_state(4)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))
    seed = int(words[2]) << 32 | int(words[3])
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(seed)
    elif torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def derived_seed(*entropy: int) -> int:
    """A seed of its own for a part of a run: a fold, a member of an ensemble."""
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def use_repeatable_algorithms(deterministic: bool = True) -> None:
    """Have PyTorch choose algorithms that give the same bits each time, on every device."""
    if deterministic:
        # cuBLAS reads it when it starts; without it some of its sums are in changing order.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic and torch.backends.cudnn.benchmark


@contextmanager
def repeatable_run(deterministic: bool, threads: int | None) -> Iterator[None]:
    """Choose algorithms and threads for a block; what the caller had chosen comes back after it.

    Raises:
        TrainingError: an operation has no deterministic algorithm.
    """
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
        torch.get_num_threads(),
    )
    use_repeatable_algorithms(deterministic)
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    except RuntimeError as error:
        if "does not have a deterministic implementation" not in str(error):
            raise
        operation = str(error).split(" does not have")[0].split()[-1]
        raise TrainingError(
            f"{operation} has no deterministic algorithm on this device: deterministic=False lets "
            "it run, and two runs may differ in their last bits"
        ) from error
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
        if threads is not None:
            torch.set_num_threads(before[2])
