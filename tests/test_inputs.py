"""Inputs for a check: made ones meet what models are fed, a user's are looked at before use."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from keras2torch import DataError
from keras2torch.verify.check import apart
from keras2torch.verify.inputs import made_inputs, read_inputs

TOKENS = {"name": "tokens", "shape": [None, 8], "dtype": "int32", "below": 50}
IMAGE = {"name": "image", "shape": [None, None, 5, 3], "dtype": "float32", "below": None}
GOOD = {"tokens": np.zeros((2, 8))}


def test_made_inputs() -> None:
    arrays = made_inputs([TOKENS, IMAGE])
    tokens, image = arrays["tokens"], arrays["image"]
    assert tokens.dtype == np.int32
    assert tokens.min() == 0
    assert tokens.max() < 50
    assert (tokens[1, :2] == 0).all()
    assert (tokens[2, -2:] == 0).all()
    assert image.shape == (4, 24, 5, 3)
    assert image.dtype == np.float32
    again = made_inputs([TOKENS, IMAGE])
    assert all((arrays[name] == again[name]).all() for name in arrays)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"other": np.zeros((2, 8))}, "no array 'tokens'"),
        ({"tokens": np.zeros((2, 9))}, "must have shape"),
        ({"tokens": np.zeros(8)}, "must have shape"),
        ({"tokens": np.zeros((2, 8)), "image": np.zeros((3, 4, 5, 3))}, r"hold '\[2, 3\]' samples"),
        ({"tokens": np.zeros((0, 8)), "image": np.zeros((0, 4, 5, 3))}, r"hold '\[0\]' samples"),
        ({"tokens": np.full((2, 8), 0.5)}, "whole numbers"),
        ({"tokens": np.full((2, 8), 50)}, "from 0 to 49, found 50 to 50"),
        ({"tokens": np.full((2, 8), "a")}, "must be numbers, found dtype <U1"),
        ({**GOOD, "image": np.zeros((2, 4, 5, 3), complex)}, "must be numbers"),
        ({**GOOD, "image": np.full((2, 4, 5, 3), np.nan)}, "NaN or infinity, first in row 0"),
    ],
)
def test_a_users_inputs_must_fit(arrays: dict[str, np.ndarray], said: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **{"image": np.zeros((2, 4, 5, 3)), **arrays})  # type: ignore[arg-type]
    with pytest.raises(DataError, match=said):
        read_inputs(path, [TOKENS, IMAGE])


def test_what_is_no_npz_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_inputs(tmp_path / "nowhere.npz", [TOKENS])
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match=r"no \.npz"):
        read_inputs(tmp_path / "text.npz", [TOKENS])
    pickled = np.empty(1, dtype=object)
    np.savez(tmp_path / "code.npz", tokens=pickled)
    with pytest.raises(DataError, match=r"no \.npz"):
        read_inputs(tmp_path / "code.npz", [TOKENS])
    np.save(tmp_path / "one.npy", np.zeros((2, 8)))
    with pytest.raises(DataError, match=r"no \.npz"):
        read_inputs(tmp_path / "one.npy", [TOKENS])
    with pytest.raises(DataError, match="can't be read: 'Is a directory'"):
        read_inputs(tmp_path, [TOKENS])


def test_damaged_files_are_told_in_a_line(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "whole.npz", tokens=np.arange(64).reshape(8, 8) % 50)
    whole = (tmp_path / "whole.npz").read_bytes()
    for place in range(0, len(whole), 3):
        for damaged in (whole[:place], whole[:place] + b"\xff\x00\xff" + whole[place + 3 :]):
            (tmp_path / "damaged.npz").write_bytes(damaged)
            with contextlib.suppress(DataError):
                read_inputs(tmp_path / "damaged.npz", [TOKENS])


def test_numbers_become_those_that_the_model_takes(tmp_path: Path) -> None:
    """As in Keras: pictures of whole numbers, ids with a decimal point."""
    picture = np.full((2, 4, 5, 3), 255, np.uint8)
    np.savez(tmp_path / "data.npz", image=picture, tokens=np.full((2, 8), 3.0))
    arrays = read_inputs(tmp_path / "data.npz", [TOKENS, IMAGE])
    assert (arrays["image"].dtype, arrays["tokens"].dtype) == (np.float32, np.int32)


def test_apart() -> None:
    a = np.array([1.0, -4.0, 2.0])
    assert apart([a], [a]) == (0.0, 0.0)
    assert apart([a], [a + [0.0, 0.0, 0.5]]) == (0.5, 0.125)
    assert apart([a], [a[:2]])[1] == np.inf
    assert apart([a], [])[1] == np.inf
    assert apart([a, None], [a, a]) == (0.0, 0.0)
    nan = np.array([1.0, np.nan, np.inf])
    assert apart([nan], [nan]) == (0.0, 0.0)
    assert apart([nan], [np.array([1.0, 2.0, np.inf])])[1] == np.inf
    assert apart([nan], [np.array([1.0, np.nan, -np.inf])])[1] == np.inf
    assert apart([np.zeros(2)], [np.array([0.0, 1e-3])]) == (1e-3, 1e-3)


def test_texts_are_made_of_the_words_that_a_layer_knows() -> None:
    samples = {"values": ["alpha", "beta"], "only": False, "text": True}
    wanted = {"name": "t", "shape": [None, 1], "dtype": "string", "below": None, "samples": samples}
    texts = made_inputs([wanted])["t"]
    assert texts.dtype.kind == "U"
    assert texts.shape[1] == 1
    assert any("alpha" in text.lower() for text in texts[:, 0])
    assert np.array_equal(texts, made_inputs([wanted])["t"])


def test_strings_are_read_as_text_and_only_as_text(tmp_path: Path) -> None:
    wanted = {"name": "t", "shape": [None, 1], "dtype": "string", "below": None}
    np.savez(tmp_path / "text.npz", t=np.array([["one"], ["\u00fcber"]]))
    assert read_inputs(tmp_path / "text.npz", [wanted])["t"].tolist() == [["one"], ["\u00fcber"]]
    np.savez(tmp_path / "numbers.npz", t=np.zeros((2, 1)))
    with pytest.raises(DataError, match="must be text"):
        read_inputs(tmp_path / "numbers.npz", [wanted])
