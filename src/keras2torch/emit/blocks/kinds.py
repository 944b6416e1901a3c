"""What a module is, whatever its numbers; and how modules of one kind start."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence

from keras2torch.ir.program import Model, Module

KEY = re.compile(r"\{0\}\.(?:get_parameter\(\"(\w+)\"\)|(\w+)\b(?!\())")
Key = tuple[str, bool]  # a kind, and whether it is a convolution in groups


def kind(module: Module) -> str:
    """The class that the module is made of."""
    return module.construct.partition("(")[0]


def is_grouped(module: Module) -> bool:
    """Whether a convolution has groups: depthwise ones start differently."""
    return kind(module).startswith("nn.Conv") and "groups=" in module.construct


def is_weighty(module: Module) -> bool:
    """Whether a module has parameters and is no normalization."""
    return bool(module.parameters) and "Norm" not in kind(module)


class Kinds:
    """How the modules of a program start. Where all of a kind start alike, one statement for the
    kind will do."""

    def __init__(self, models: Iterable[Model]) -> None:
        found: dict[Key, list[Module]] = {}
        for module in (m for model in models for m in model.modules if m.parameters):
            found.setdefault((kind(module), is_grouped(module)), []).append(module)
        self._modules = found
        self._resets = {
            key: resets
            for key, modules in found.items()
            if key[0] != "nn.Parameter" and (resets := _common_resets(modules)) is not None
        }

    def starts_alike(self, module: Module) -> bool:
        return (kind(module), is_grouped(module)) in self._resets

    def code(self, module: Module) -> Hashable:
        """Equal for modules that one class can make."""
        own = () if self.starts_alike(module) else tuple(module.reset)
        grouped = any(part is not None and is_grouped(part) for part in module.parts or ())
        frozen = tuple(sorted(module.frozen)), tuple(sorted(module.partly_frozen))
        return kind(module), frozen, own, grouped, module.dtype, module.computes

    def loop(self, modules: Iterable[Module], starters: Sequence[str]) -> list[str]:
        """The lines that start every module inside, kind by kind; ``starters`` are classes that
        have a ``reset_parameters`` of their own."""
        keys = {(kind(m), is_grouped(m)) for m in modules} & self._resets.keys()
        keys = {key for key in keys if self._resets[key]}
        clauses: list[tuple[str, list[str]]] = []
        for name, grouped in sorted(keys, key=lambda key: (key[0], not key[1])):
            other = self._resets.get((name, not grouped))
            own = self._resets[name, grouped]
            alike = other is not None and all(own[k] == other[k] for k in own.keys() & other.keys())
            if grouped and alike and (name, False) in keys:
                continue
            apart = grouped and (name, False) in self._modules and not alike
            test = f"isinstance(module, {name})" + (" and module.groups > 1" if apart else "")
            clauses.append((test, self._clause(name, {**(other or {}), **own} if alike else own)))
        if starters:
            test = f"isinstance(module, {' | '.join(starters)})"
            clauses.append((test, ["module.reset_parameters()"]))
        if not clauses:
            return []
        lines = ["for module in self.modules():"]
        for number, (test, body) in enumerate(clauses):
            lines.append(f"    {'elif' if number else 'if'} {test}:")
            lines += [f"        {line}" for line in body]
        return lines

    def _clause(self, name: str, resets: Mapping[str, str]) -> list[str]:
        lines = []
        modules = [m for g in (False, True) for m in self._modules.get((name, g), ())]
        for key, statement in resets.items():
            text = statement.replace(f'{{0}}.get_parameter("{key}")', f"module.{key}")
            text = text.replace("{0}", "module")
            optional = "get_parameter(" in statement  # it is declared so
            if optional or (key and any(key not in m.parameters for m in modules)):
                lines += [f"if module.{key} is not None:", f"    {text}"]
            else:
                lines.append(text)
        return lines


def _common_resets(modules: Sequence[Module]) -> dict[str, str] | None:
    """The statements that start each of the modules, by parameter; None if some differ."""
    found: dict[str, str] = {}
    for module in modules:
        if module.frozen:
            return None
        own = {}
        for statement in module.reset:
            match = KEY.search(statement)
            key = (match[1] or match[2]) if match else ""
            if key in own or found.setdefault(key, statement) != statement:
                return None
            own[key] = statement
    for module in modules:
        keys = {match[1] or match[2] if match else "" for match in map(KEY.search, module.reset)}
        if any(key not in keys and (not key or key in module.parameters) for key in found):
            return None
    return found
