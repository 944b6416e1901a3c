"""TensorFlow's string hashes, and Keras' layers that sort values into bins by them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from keras2torch.runtime.nested import map_nested


def wrap64(value: int) -> int:
    """The last 64 bits."""
    return value & 0xFFFFFFFFFFFFFFFF


def rotate64(value: int, by: int) -> int:
    """64 bits turned to the right."""
    value = wrap64(value)
    return wrap64(value >> by | value << (64 - by))


def mix64(value: int) -> int:
    """FarmHash's ShiftMix."""
    value = wrap64(value)
    return value ^ value >> 47


def pair64(first: int, second: int, factor: int) -> int:
    """FarmHash's hash of two words."""
    second = wrap64(second)
    first = mix64((wrap64(first) ^ second) * factor)
    return wrap64(mix64((first ^ second) * factor) * factor)


def word64(data: bytes, at: int, size: int = 8) -> int:
    """A word of little-endian bytes; ``at`` counts from the end if it is negative."""
    start = at + len(data) if at < 0 else at
    return int.from_bytes(data[start : start + size], "little")


def farmhash64(data: bytes) -> int:
    """FarmHash's Fingerprint64, which is TensorFlow's hash of strings.

    Definition: https://github.com/google/farmhash, namespace farmhashna.
    """
    k0, k1, k2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
    size = len(data)
    factor = wrap64(k2 + 2 * size)
    if size == 0:
        return k2
    if size < 4:
        first = data[0] + (data[size >> 1] << 8)
        second = size + (data[-1] << 2)
        return wrap64(mix64(first * k2 ^ second * k0) * k2)
    if size < 8:
        return pair64(size + (word64(data, 0, 4) << 3), word64(data, -4, 4), factor)
    if size <= 16:
        a, b = word64(data, 0) + k2, word64(data, -8)
        return pair64(rotate64(b, 37) * factor + a, (rotate64(a, 25) + b) * factor, factor)
    if size > 64:
        return farmhash64_long(data, k0, k1, k2)
    a, b = word64(data, 0) * (k1 if size <= 32 else k2), word64(data, 8)
    c, d = word64(data, -8) * factor, word64(data, -16) * k2
    y = rotate64(a + b, 43) + rotate64(c, 30) + d
    z = a + rotate64(b + k2, 18) + c
    if size <= 32:
        return pair64(y, z, factor)
    z = pair64(y, z, factor)
    e, f = word64(data, 16) * factor, word64(data, 24)
    g, h = (y + word64(data, -32)) * factor, (z + word64(data, -24)) * factor
    first = rotate64(e + f, 43) + rotate64(g, 30) + h
    return pair64(first, e + rotate64(f + a, 18) + g, factor)


def farmhash64_long(data: bytes, k0: int, k1: int, k2: int) -> int:
    """Fingerprint64 of more than 64 bytes, by blocks of 64; the last block may overlap."""

    def weak(at: int, a: int, b: int) -> tuple[int, int]:
        """The hash of 32 bytes, seeded."""
        a += word64(data, at)
        b = rotate64(b + a + word64(data, at + 24), 21)
        total = a + word64(data, at + 8) + word64(data, at + 16)
        return wrap64(total + word64(data, at + 24)), wrap64(b + rotate64(total, 44) + a)

    x, y = wrap64(81 * k2 + word64(data, 0)), wrap64(81 * k1 + 113)
    z = wrap64(mix64(y * k2 + 113) * k2)
    v, w = (0, 0), (0, 0)
    for at in range(0, (len(data) - 1) // 64 * 64, 64):
        x = wrap64(rotate64(x + y + v[0] + word64(data, at + 8), 37) * k1) ^ w[1]
        y = rotate64(y + v[1] + word64(data, at + 48), 42) * k1 + v[0]
        y = wrap64(y + word64(data, at + 40))
        z = wrap64(rotate64(z + w[0], 33) * k1)
        v = weak(at, v[1] * k1, x + w[0])
        w = weak(at + 32, z + w[1], y + word64(data, at + 16))
        x, z = z, x
    factor = wrap64(k1 + ((z & 0xFF) << 1))
    at = len(data) - 64
    w = w[0] + (len(data) - 1) % 64, w[1]
    v = v[0] + w[0], v[1]
    w = w[0] + v[0], w[1]
    x = wrap64(rotate64(x + y + v[0] + word64(data, at + 8), 37) * factor) ^ wrap64(w[1] * 9)
    y = rotate64(y + v[1] + word64(data, at + 48), 42) * factor + v[0] * 9
    y = wrap64(y + word64(data, at + 40))
    z = wrap64(rotate64(z + w[0], 33) * factor)
    v = weak(at, v[1] * factor, x + w[0])
    w = weak(at + 32, z + w[1], y + word64(data, at + 16))
    first = pair64(v[0], w[0], factor) + mix64(y) * k0 + x
    return pair64(first, pair64(v[1], w[1], factor) + z, factor)


def siphash64(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of the data under a key of two 64-bit numbers.

    Definition: https://www.aumasson.jp/siphash/siphash.pdf.
    """
    mask = 0xFFFFFFFFFFFFFFFF
    a, b = key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D
    c, d = key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573

    def rotate(value: int, by: int) -> int:
        return (value << by | value >> (64 - by)) & mask

    def rounds(count: int, a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
        for _ in range(count):
            a, c = (a + b) & mask, (c + d) & mask
            b, d = rotate(b, 13) ^ a, rotate(d, 16) ^ c
            a = rotate(a, 32)
            c, a = (c + b) & mask, (a + d) & mask
            b, d = rotate(b, 17) ^ c, rotate(d, 21) ^ a
            c = rotate(c, 32)
        return a, b, c, d

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        a, b, c, d = rounds(2, a, b, c, d ^ word)
        a ^= word
    a, b, c, d = rounds(4, a, b, c ^ 0xFF, d)
    return a ^ b ^ c ^ d


def hash_bin(value: str | float, bins: int, salt: tuple[int, int] | None) -> int:
    """The bin of a value's text: by FarmHash, or with a salt by SipHash.

    Numbers are hashed as whole numbers in decimal digits, truth values as true and false.
    """
    if isinstance(value, bool):
        value = str(value).lower()
    data = (value if isinstance(value, str) else str(int(value))).encode()
    return (siphash64(data, salt) if salt else farmhash64(data)) % bins


class Hashing(nn.Module):
    """Keras' Hashing: sorts strings or numbers into bins by a hash of their text.

    Bin 0 is kept for ``mask`` if there is one; a ``salt`` chooses another hash.
    x: (batch, ...) nested lists of strings, or a tensor -> (batch, ...), int64.
    Source: keras/src/layers/preprocessing/hashing.py.
    """

    place: Tensor  # where strings are brought to: the module's device

    def __init__(
        self,
        bins: int,
        *,
        mask: str | float | None = None,
        salt: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.bins = bins
        self.mask = mask
        self.salt = salt
        self.register_buffer("place", torch.empty(0), persistent=False)

    def bin_of(self, value: str | float) -> int:
        if self.mask is None or self.bins == 1:
            return hash_bin(value, self.bins, self.salt)
        return 0 if value == self.mask else 1 + hash_bin(value, self.bins - 1, self.salt)

    def forward(self, x: Any) -> Tensor:
        values = x.tolist() if isinstance(x, Tensor) else x
        return torch.tensor(map_nested(self.bin_of, values), device=self.place.device)


class HashedCrossing(nn.Module):
    """Keras' HashedCrossing: one bin for each combination of several features' values.

    Each feature: (batch,) or (batch, 1), strings or whole numbers -> the same shape, int64.
    Source: keras/src/layers/preprocessing/hashed_crossing.py.
    """

    place: Tensor  # where strings are brought to: the module's device

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.register_buffer("place", torch.empty(0), persistent=False)

    def cross(self, *values: Any) -> Any:
        """The bin of one combination; lists of values are crossed in parallel."""
        if not isinstance(values[0], (str, int)):
            return [self.cross(*parts) for parts in zip(*values, strict=True)]
        mask, factor = 0xFFFFFFFFFFFFFFFF, 0xC6A4A7935BD1E995
        crossed = 0xDECAFCAFFE
        for value in values:
            own = farmhash64(value.encode()) if isinstance(value, str) else value
            own = own * factor & mask
            own = (own ^ own >> 47) * factor & mask
            crossed = (crossed ^ factor ^ own) * factor & mask
            crossed = (crossed ^ crossed >> 47) * factor & mask
            crossed ^= crossed >> 47
        return crossed % self.bins

    def forward(self, *features: Any) -> Tensor:
        values = [x.tolist() if isinstance(x, Tensor) else x for x in features]
        return torch.tensor(self.cross(*values), device=self.place.device)
