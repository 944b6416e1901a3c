"""What a model file may cost before it is refused.

A reader checks a bound before it allocates or loops, so that a few kilobytes of hostile file cannot
take gigabytes of memory or minutes of time.
"""

from dataclasses import dataclass

__all__ = ["LIMITS", "Limits"]

_KIB = 1 << 10
_MIB = 1 << 20
_GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """The bounds of the readers; every honest model stays far below them."""

    # The model's description
    layers: int = 20_000
    nesting: int = 64
    tensor_rank: int = 8
    total_tensor_bytes: int = 64 * _GIB
    asset_bytes: int = 64 * _MIB

    # JSON
    config_bytes: int = 64 * _MIB
    metadata_bytes: int = 1 * _MIB
    json_depth: int = 200
    json_values: int = 5_000_000
    json_integer_digits: int = 20

    # Zip. Weights that are all zero deflate 1000:1, so the ratio counts only above the floor.
    zip_members: int = 10_000
    zip_inflation: int = 200
    zip_inflation_floor: int = 256 * _MIB

    # Protocol buffers: fields of one message, and objects of a checkpoint
    protobuf_fields: int = 1_000_000

    # HDF5. 1100 is a little more than deflate's own ceiling of 1032:1.
    hdf5_objects: int = 1_000_000
    hdf5_depth: int = 64
    hdf5_name_bytes: int = 64 * _KIB
    hdf5_inflation: int = 1_100
    hdf5_inflation_floor: int = 256 * _MIB
    hdf5_chunk_floor: int = 1 * _MIB
    hdf5_chunk_ratio: int = 4


LIMITS = Limits()
