"""Pretrained word vectors, read as a stream: a file of gigabytes needs no more memory than what is
kept of it.

Formats: GloVe's text (no header), fastText's and word2vec's text (a header of count and size),
word2vec's binary (``.bin``); each may be compressed (``.gz``, ``.bz2``, ``.xz``).
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, quoted

Vector = npt.NDArray[np.float32]
Unknown = Literal["zeros", "normal", "mean"]
OPEN: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
LONGEST_LINE = 1 << 20  # bytes
LONGEST_WORD = 1 << 12
LARGEST_SIZE = 1 << 14  # numbers of a vector
CHUNK = 1 << 20
# How a word is looked for, the best first.
SPELLINGS: Sequence[Callable[[str], str]] = (str, str.lower, str.capitalize, str.upper)


@dataclass(frozen=True)
class Coverage:
    """How much of a vocabulary has vectors of its own.

    ``spelled_otherwise`` of the ``known`` words were found in other letters only (``Usa`` as
    ``usa``); ``occurrences`` is the share of the texts' words that are known, if counts were
    given; ``missing`` are the unknown words, the most frequent first.
    """

    words: int
    known: int
    spelled_otherwise: int
    occurrences: float | None
    missing: tuple[str, ...]

    def __str__(self) -> str:
        share = 100 * self.known / max(1, self.words)
        text = f"{self.known:,} of {self.words:,} words ({share:.1f} %) have vectors"
        if self.occurrences is not None:
            text += f", which are {100 * self.occurrences:.1f} % of the texts' words"
        return text


def read_vectors(
    path: str | Path, wanted: Callable[[str], bool] = lambda word: True
) -> Iterator[tuple[str, Vector]]:
    """The ``wanted`` words of a file with their vectors, in its order; a word may come twice.

    Raises:
        DataError: the file is none of these formats, or damaged.
    """
    path = Path(path)
    suffixes = [suffix for suffix in path.suffixes if suffix not in OPEN]
    try:
        with OPEN.get(path.suffix, open)(path, "rb") as file:
            read = _binary if suffixes[-1:] == [".bin"] else _text
            yield from read(file, quoted(path.name), wanted)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DataError(f"{quoted(path)} can't be read: {quoted(error)}") from error


def embedding_matrix(
    word_index: Mapping[str, int],
    *paths: str | Path,
    rows: int | None = None,
    unknown: Unknown = "zeros",
    counts: Mapping[str, int] | None = None,
    seed: int = 0,
) -> tuple[Vector, Coverage]:
    """The table of an ``nn.Embedding``, (rows, size), from one file or the mean of several.

    Row ``word_index[word]`` is the word's vector; words with ids from ``rows`` on have none, row 0
    pads. Words that a file lacks get zeros, the mean of the found vectors, or numbers drawn from a
    normal distribution with their mean and deviation. A word counts as known if any file has it.

    Raises:
        DataError: a file is none of the known formats; vectors differ in size.
    """
    if not paths:
        raise DataError("an embedding matrix needs a file of vectors")
    size = rows or max(word_index.values(), default=0) + 1
    places = {word: row for word, row in word_index.items() if row < size}
    rng = np.random.default_rng(seed)
    tables, ranks = zip(*(_table(places, Path(path), size) for path in paths), strict=True)
    sizes = {table.shape[1] for table in tables}
    if len(sizes) > 1:
        raise DataError(f"the vectors differ in size: {sorted(sizes)}")
    for table, rank in zip(tables, ranks, strict=True):
        _fill(table, rank, list(places.values()), unknown, rng)
    matrix: Vector = np.asarray(np.mean(tables, axis=0, dtype=np.float64), np.float32)
    return matrix, _coverage(places, np.min(ranks, axis=0), counts)


def _table(places: Mapping[str, int], path: Path, size: int) -> tuple[Vector, npt.NDArray[Any]]:
    """One file's vectors by row, and by which spelling each was found (len(SPELLINGS): none)."""
    spelled: dict[str, list[tuple[int, int]]] = {}
    for word, row in places.items():
        for rank, spelling in enumerate(SPELLINGS):
            spelled.setdefault(spelling(word), []).append((row, rank))
    ranks = np.full(size, len(SPELLINGS), np.int8)
    table: Vector | None = None
    for word, vector in read_vectors(path, spelled.__contains__):
        if table is None:
            table = np.zeros((size, len(vector)), np.float32)
        for row, rank in spelled[word]:
            if rank < ranks[row]:
                table[row], ranks[row] = vector, rank
    if table is None:
        raise DataError(f"{quoted(path.name)} has none of the {len(places):,} words")
    return table, ranks


def _fill(
    table: Vector,
    ranks: npt.NDArray[Any],
    rows: list[int],
    unknown: Unknown,
    rng: np.random.Generator,
) -> None:
    """Give the words that were not found what ``unknown`` says."""
    found = table[ranks < len(SPELLINGS)]
    missing = [row for row in rows if ranks[row] == len(SPELLINGS)]
    if unknown == "mean":
        table[missing] = found.mean(axis=0)
    elif unknown == "normal":
        drawn = rng.normal(found.mean(), found.std(), (len(missing), table.shape[1]))
        table[missing] = drawn


def _coverage(
    places: Mapping[str, int], ranks: npt.NDArray[Any], counts: Mapping[str, int] | None
) -> Coverage:
    known = {word for word, row in places.items() if ranks[row] < len(SPELLINGS)}
    otherwise = sum(1 for word in known if ranks[places[word]] > 0)
    missing = [word for word in places if word not in known]
    share = None
    if counts is not None:
        missing.sort(key=lambda word: -counts.get(word, 0))
        total = sum(counts.values())
        share = sum(counts.get(word, 0) for word in known) / total if total else 0.0
    return Coverage(len(places), len(known), otherwise, share, tuple(missing))


def _text(
    file: IO[bytes], name: str, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, Vector]]:
    size = None
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
        line = line.rstrip()
        spaces = line.count(b" ")
        if number == 1 and spaces == 1 and all(part.isdigit() for part in line.split(b" ")):
            size = _size(int(line.split(b" ")[1]), name)
            continue
        if size is None:
            size = _size(spaces, name)
        if spaces < size:
            raise DataError(f"{name}: line {number} has {spaces} numbers, not {size}")
        # A word may hold spaces: GloVe has ". . .". The numbers of most words are never looked at.
        start = line.rsplit(b" ", size)[0] if spaces > size else line.partition(b" ")[0]
        word = start.decode(errors="replace")
        if wanted(word):
            yield word, _numbers(line[len(start) + 1 :].split(b" "), name, number)


def _numbers(parts: list[bytes], name: str, line: int) -> Vector:
    try:
        vector = np.array(parts).astype(np.float32)
    except ValueError as error:
        raise DataError(f"{name}: line {line} holds what is no number") from error
    if not np.isfinite(vector).all():
        raise DataError(f"{name}: line {line} holds a number that is not finite")
    return vector


def _binary(
    file: IO[bytes], name: str, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, Vector]]:
    header = file.readline(LONGEST_LINE).split()
    if len(header) != 2 or not all(part.isdigit() for part in header):
        raise DataError(f"{name} has no header of count and size")
    size = _size(int(header[1]), name)
    buffer, start = b"", 0
    for number in range(int(header[0])):
        end = buffer.find(b" ", start)
        while end < 0 or len(buffer) < end + 1 + 4 * size:
            more = file.read(CHUNK)
            if not more or (end < 0 and len(buffer) - start > LONGEST_WORD):
                raise DataError(f"{name} ends or is damaged at word {number + 1:,}")
            buffer, start = buffer[start:] + more, 0
            end = buffer.find(b" ")
        word = buffer[start:end].lstrip(b"\n").decode(errors="replace")
        vector = np.frombuffer(buffer, "<f4", size, end + 1)
        start = end + 1 + 4 * size
        if not wanted(word):
            continue
        if not np.isfinite(vector).all():
            raise DataError(f"{name}: word {number + 1:,} has a number that is not finite")
        yield word, vector.astype(np.float32)


def _size(size: int, name: str) -> int:
    if not 1 <= size <= LARGEST_SIZE:
        raise DataError(f"{name}: vectors of {size} numbers")
    return size
