"""Fixtures: Keras runs in processes of its own, once per session, and tells what is expected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

from keras2torch.registry import Example, Integers, Values, all_layers
from trajectory_cases import NUMBERED_EXAMPLES, NUMBERED_MODELS, fast_cases, slow_cases

TESTS = Path(__file__).parent
EXAMPLES = TESTS.parent / "examples"
BIN = Path(sys.executable).parent
SUMMARY = "summary: "


@pytest.fixture
def summary(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """Called with a title and a text, it has them printed at the end of the run."""
    return lambda title, text: record_property(SUMMARY + title, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties:
            if name.startswith(SUMMARY):
                terminalreporter.section(name.removeprefix(SUMMARY))
                terminalreporter.write_line(str(text))


def run_keras(script: str, job: object, backend: str) -> None:
    """Run ``tests/keras_side/<script>`` on a Keras backend, with the job on its input."""
    quiet = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, TESTS / "keras_side" / script],
        input=json.dumps(job),
        text=True,
        capture_output=True,
        env={**os.environ, **quiet},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _plain(inputs: object) -> object:
    if isinstance(inputs, Integers | Values):
        return asdict(inputs)
    if isinstance(inputs, list):
        return [_plain(part) for part in inputs]
    if isinstance(inputs, dict):
        return {key: _plain(part) for key, part in inputs.items()}
    return inputs


def spec_of(identity: str, layer: str, example: Example) -> dict[str, object]:
    """A layer's example as ``keras_side/examples.py`` takes it."""
    return {
        "id": identity,
        "layer": layer,
        "config": example.config,
        "inputs": _plain(example.inputs),
        "masked": example.masked,
        "on_jax": example.on_jax,
        "call": example.call and {key: _plain(v) for key, v in example.call.items()},
        "adapt": example.adapt,
    }


def example_ids() -> list[tuple[str, str, Example]]:
    """(id, layer, example) of every example of every mapping."""
    return [
        (f"{name}-{number}", name, example)
        for name, mapping in sorted(all_layers().items())
        for number, example in enumerate(mapping.examples)
    ]


def examples_as_jobs(cases: list[tuple[str, str, Example]]) -> list[dict[str, object]]:
    """Examples as the scripts that build them in Keras read them."""
    return [spec_of(identity, layer, example) for identity, layer, example in cases]


@pytest.fixture(scope="session")
def keras_examples(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, dict[str, str]]:
    """The folder with what Keras made of the examples of the chosen tests, and its problems."""
    folder = tmp_path_factory.mktemp("examples")
    wanted = {
        item.callspec.params["case"][0]
        for item in request.session.items
        if "keras_examples" in getattr(item, "fixturenames", ())
    }
    specs = examples_as_jobs([case for case in example_ids() if case[0] in wanted])
    problems: dict[str, str] = {}
    for backend in ("tensorflow", "jax"):
        # Two processes share the work: Keras runs these small models on one core each.
        jobs = [{"folder": str(folder), "part": n, "examples": specs[n::2]} for n in (0, 1)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda job, on=backend: run_keras("examples.py", job, on), jobs))
        for job in jobs:
            told = json.loads((folder / f"problems.{backend}.{job['part']}.json").read_text())
            problems = {**{k: f"{backend}: {v}" for k, v in told.items()}, **problems}
    return folder, problems


def _shared(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of all processes that share the tests."""
    root = factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root


@pytest.fixture
def require_clean(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Sequence[Path]], None]:
    """Called with emitted files, it has ruff and mypy read them.

    What mypy knows of torch is kept for all tests: it takes half a minute to find out.
    """
    root = _shared(tmp_path_factory)
    commands = (
        ["ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I,B,SIM,UP,RUF"],
        ["ruff", "format", "--isolated", "--check"],
        ["mypy", "--strict", "--config-file", "", "--cache-dir", str(root / "mypy")],
    )

    def require(files: Sequence[Path]) -> None:
        for program, *options in commands:
            with FileLock(root / f"{program}.lock"):
                done = subprocess.run(
                    [BIN / program, *options, *files], capture_output=True, text=True, check=False
                )
            assert done.returncode == 0, done.stdout

    return require


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that Keras fills, once for all processes that share the tests."""
    root = _shared(factory)
    folder = root / name
    with FileLock(root / f"{name}.lock"):
        if not folder.exists():
            aside = factory.mktemp(name)
            make(aside)
            aside.rename(folder)
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the saved models, their inputs and what Keras made of them."""

    def make(folder: Path) -> None:
        for backend in ("tensorflow", "jax"):
            run_keras("models.py", {"folder": str(folder)}, backend)

    return made_once(tmp_path_factory, "models", make)


@pytest.fixture(scope="session")
def keras_3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with models in every format of Keras 3, and the examples'."""
    names = ["article_a", "article_b", "image_cnn", "nests"]
    job = {"names": names, "examples": [str(file) for file in EXAMPLES.glob("*/keras_model.py")]}
    return made_once(
        tmp_path_factory,
        "keras_3",
        lambda folder: run_keras("formats.py", {"folder": str(folder), **job}, "tensorflow"),
    )


@pytest.fixture(scope="session")
def keras_2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with models in every format of Keras 2, and what Keras 2 made of them."""
    return made_once(
        tmp_path_factory,
        "keras_2",
        lambda folder: run_keras("keras2_formats.py", {"folder": str(folder)}, "tensorflow"),
    )


def _train(folder: Path, cases: list[dict[str, object]], **more: object) -> None:
    run_keras("trajectories.py", {"folder": str(folder), "cases": cases, **more}, "tensorflow")


@pytest.fixture(scope="session")
def trajectories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with trainings of Keras, and in ``orders`` models whose variables are numbered."""

    def make(folder: Path) -> None:
        (folder / "orders").mkdir()
        chosen = [case for case in example_ids() if case[0] in NUMBERED_EXAMPLES]
        orders = {"examples": examples_as_jobs(chosen), "names": NUMBERED_MODELS}
        _train(folder, fast_cases(), orders=orders)

    return made_once(tmp_path_factory, "trajectories", make)


@pytest.fixture(scope="session")
def all_trajectories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all trainings; two processes share the work."""

    def make(folder: Path) -> None:
        cases = [*fast_cases(), *slow_cases()]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda part: _train(folder, cases[part::2]), (0, 1)))

    return made_once(tmp_path_factory, "all_trajectories", make)
