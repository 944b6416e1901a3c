"""The user's own Datasets by name."""

from __future__ import annotations

import runpy
from typing import Any

from torch.utils.data import Dataset


def datasets_of(place: str) -> tuple[Dataset[Any], Dataset[Any] | None]:
    """The Dataset that ``FILE.py:OBJECT`` names, and one to validate on if it names a pair.

    A function is called for it.
    """
    file, _, name = place.rpartition(":")
    try:
        found = runpy.run_path(file)[name]
    except OSError as error:
        raise SystemExit(f"{file} can't be read: {error.strerror}") from None
    except KeyError:
        raise SystemExit(f"{file} has no {name}") from None
    if not isinstance(found, (Dataset, tuple)) and callable(found):
        found = found()
    pair = found if isinstance(found, tuple) else (found, None)
    if len(pair) != 2 or not isinstance(pair[0], Dataset):
        raise SystemExit(f"{place} is no torch.utils.data.Dataset, and no pair of them")
    return pair
