import ast
from pathlib import Path

import torch
from torch import nn

import keras2torch
from keras2torch.emit.names import MODULE_ATTRIBUTES
from keras2torch.registry import all_layers

SOURCE = Path(keras2torch.__file__).parent


def test_all_is_what_there_is() -> None:
    assert keras2torch.__all__ == sorted(keras2torch.__all__)
    for name in keras2torch.__all__:
        assert getattr(keras2torch, name).__module__.startswith("keras2torch")


def test_every_error_has_one_root() -> None:
    errors = [getattr(keras2torch, n) for n in keras2torch.__all__]
    errors = [e for e in errors if isinstance(e, type) and issubclass(e, Exception)]
    assert len(errors) == 11
    assert all(issubclass(error, keras2torch.Keras2TorchError) for error in errors)


def test_every_layer_has_two_examples_and_a_docstring() -> None:
    for name, mapping in all_layers().items():
        # Keras can't put this one into a model of its own: Pipeline's examples have it.
        assert len(mapping.examples) >= 2 or name == "Equalization", name
        assert mapping.function.__doc__, name


def test_submodules_never_shadow_attributes_of_a_module() -> None:
    attributes = {name for name in dir(nn.Module()) if not name.startswith("_")}
    assert attributes <= MODULE_ATTRIBUTES


def test_nothing_is_imported_or_evaluated_by_name() -> None:
    """Text of a model file can't reach code: what reads it has no way to run anything."""
    forbidden = {"eval", "exec", "compile", "__import__", "import_module", "pickle", "marshal"}
    for folder in ("readers", "ir", "emit", "layers", "ops"):
        for path in (SOURCE / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    name = None if node.value.id == "re" else node.attr
                assert name not in forbidden, f"{path.name}:{node.lineno}"


def test_load(models: Path, tmp_path: Path) -> None:
    keras2torch.port(models / "text_cnn.keras", tmp_path / "port")
    model = keras2torch.load(tmp_path / "port")
    assert not model.training
    assert model(torch.zeros(2, 30, dtype=torch.int32)).shape == (2, 4)
