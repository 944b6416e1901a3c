"""HDF5 files that Keras wrote, bit for bit as h5py reads them, and mutants of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hdf5_files import assert_same_file, mutants, read_all, root, survive

from keras2torch.errors import ModelError
from keras2torch.readers import hdf5
from keras2torch.readers.archive import Archive

MAX_BYTES = 1 << 24

SAVE_WITH_KERAS = """
import sys

sys.modules["tensorflow"] = None  # Keras can do without, and it takes seconds to import
import h5py
import keras
from keras.src.legacy.saving.legacy_h5_format import save_attributes_to_hdf5_group

directory = sys.argv[1]
keras.utils.set_random_seed(0)
inputs = keras.Input((6, 4), name="inputs")
x = keras.layers.Bidirectional(keras.layers.LSTM(3))(inputs)
x = keras.layers.Dense(5, dtype="bfloat16")(x)
x = keras.layers.Dropout(0.5, seed=1)(x)
x = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()])(x)
model = keras.Model(inputs, x)
model.compile("adam", "mse")
model.optimizer.build(model.trainable_variables)
model.save(f"{directory}/full.keras")
model.save_weights(f"{directory}/full.weights.h5")
small = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
small.save(f"{directory}/small.keras")
small.save(f"{directory}/legacy.h5")
with h5py.File(f"{directory}/names.h5", "w") as file:
    names = [f"layer_{'x' * 200}_{number}".encode() for number in range(400)]
    save_attributes_to_hdf5_group(file, "layer_names", names)
"""


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that Keras saved; in its own process, Keras being no part of us."""
    directory = tmp_path_factory.mktemp("saved")
    environment = os.environ | {"KERAS_BACKEND": "numpy"}  # the files are alike, this is fastest
    command = [sys.executable, "-c", SAVE_WITH_KERAS, str(directory)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return directory


def test_keras_archives(saved: Path) -> None:
    with Archive(saved / "full.keras") as archive:
        assert archive.names() == ("metadata.json", "config.json", "model.weights.h5")
        weights = archive.view("model.weights.h5", MAX_BYTES)
        assert assert_same_file(weights) > 30
        group = hdf5.File(weights, "weights.h5").root
        assert group.dataset("layers/dense/vars/0").bfloat16
        assert not group.dataset("layers/bidirectional/forward_layer/cell/vars/0").bfloat16
        assert group.dataset("optimizer/vars/0").dtype.kind == "i"


def test_keras_weight_files(saved: Path) -> None:
    assert assert_same_file((saved / "full.weights.h5").read_bytes()) > 30


def test_keras_legacy_files(saved: Path) -> None:
    data = (saved / "legacy.h5").read_bytes()
    assert assert_same_file(data) == 4
    group = root(data)
    assert group.attributes()["model_config"].startswith('{"class_name": "Sequential"')
    weights = group.group("model_weights")
    assert weights.attributes()["layer_names"].tolist() == ["dense_2", "dense_3"]


def test_keras_legacy_files_with_names_in_several_attributes(saved: Path) -> None:
    data = (saved / "names.h5").read_bytes()
    assert assert_same_file(data) == 0
    attributes = root(data).attributes()
    assert len(attributes) > 1
    assert sum(map(len, attributes.values())) == 400


def test_mutants_of_what_keras_wrote(saved: Path) -> None:
    with Archive(saved / "small.keras") as archive:
        survive(archive.read("model.weights.h5", MAX_BYTES), 1200)
    survive((saved / "legacy.h5").read_bytes(), 300)


def test_mutants_of_archives(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "mutant.keras"
    refusals = []
    for mutant in mutants((saved / "small.keras").read_bytes(), 500):
        path.write_bytes(mutant)
        try:
            with Archive(path) as archive:
                for name in archive.names():
                    archive.read(name, MAX_BYTES)
                read_all(root(archive.read("model.weights.h5", MAX_BYTES)))
        except ModelError as error:
            refusals.append(str(error))
    assert all(map(str.isprintable, refusals))
    # The checksums see all damage but that of fields that mean nothing, such as dates.
    assert len(refusals) > 450
