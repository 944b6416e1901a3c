"""Text from a file to identifiers: the only place that makes one."""

from __future__ import annotations

import builtins
import keyword
import re

MAX_LENGTH = 60

# What a submodule must not be called: the attributes of every nn.Module (a test compares this
# list with torch's), and what the emitted classes define themselves.
MODULE_ATTRIBUTES = frozenset(
    "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda "
    "double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter "
    "get_submodule half ipu load_state_dict modules mtia named_buffers named_children "
    "named_modules named_parameters parameters register_backward_hook register_buffer "
    "register_forward_hook register_forward_pre_hook register_full_backward_hook "
    "register_full_backward_pre_hook register_load_state_dict_post_hook "
    "register_load_state_dict_pre_hook register_module register_parameter "
    "register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state "
    "set_submodule share_memory state_dict to to_empty train training type xpu zero_grad "
    "reset_parameters".split()
)

# What no variable, class or argument may shadow in an emitted file.
GLOBALS = frozenset(
    [*keyword.kwlist, *keyword.softkwlist, *dir(builtins)]
    + "self torch nn F Tensor Path load_file load math json string partial Any WEIGHTS".split()
    + "VOCABULARY read_vocabulary".split()
)


class Names:
    """Hands out identifiers, each once."""

    def __init__(self, taken: frozenset[str] | set[str] = frozenset()) -> None:
        self._taken = {*taken, *keyword.kwlist}

    def take(self, wanted: str, otherwise: str) -> str:
        """A snake-case identifier close to ``wanted``, or to ``otherwise`` if nothing of it stays.

        ASCII only: Python folds other letters together, state-dict keys don't.
        """
        text = re.sub(r"[^a-z0-9]+", "_", wanted.lower()).strip("_")[:MAX_LENGTH]
        if not text:
            text = otherwise
        if text[0].isdigit():
            text = f"{otherwise}_{text}"
        return self._free(text)

    def take_class(self, wanted: str, otherwise: str) -> str:
        """A CamelCase identifier close to ``wanted``."""
        words = re.findall(r"[A-Za-z0-9]+", wanted)
        text = "".join(word[0].upper() + word[1:] for word in words)[:MAX_LENGTH]
        if not text or text[0].isdigit():
            text = otherwise + text
        return self._free(text, "")

    def _free(self, text: str, separator: str = "_") -> str:
        name, number = text, 1
        while name in self._taken:
            number += 1
            name = f"{text}{separator}{number}"
        self._taken.add(name)
        return name
