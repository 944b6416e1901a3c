"""A folder of files, read as an archive is: by name, and nothing outside of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from keras2torch.errors import FormatError, quoted
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.mapped import drop_pages, mapped

_DEPTH = 12  # vocabularies lie in a folder for each layer, and models in models
_NAME = re.compile(r"[\w.-]+")


class Folder:
    """The regular files of a folder, and of its folders, which lie a few levels deep.

    A link is followed where it stays inside, or leads into ``store``: Hugging Face's cache keeps
    a repository's files in one folder and their bytes in another.
    """

    def __init__(self, path: Path, store: Path | None = None) -> None:
        self._path = path
        roots = [path.resolve()] + ([store.resolve()] if store else [])
        self._files: dict[str, Path] = {}
        self._views: list[memoryview] = []
        for place, folders, files in os.walk(path):
            depth = len(Path(place).relative_to(path).parts)
            folders[:] = [f for f in folders if _NAME.fullmatch(f)] if depth < _DEPTH else []
            for file in files:
                found = Path(place, file)
                if not _NAME.fullmatch(file):
                    continue
                if not any(found.resolve().is_relative_to(root) for root in roots):
                    raise FormatError(f"{quoted(file)} is a link out of {quoted(path)}")
                self._files[found.relative_to(path).as_posix()] = found
                if len(self._files) > LIMITS.zip_members:
                    raise FormatError(f"{quoted(path)}: more than {LIMITS.zip_members} files")

    def names(self) -> tuple[str, ...]:
        """The files, with ``/`` between folders."""
        return tuple(self._files)

    def read(self, name: str, max_bytes: int) -> bytes:
        """The bytes of a file."""
        return bytes(self.view(name, max_bytes))

    def view(self, name: str, max_bytes: int) -> memoryview:
        """The bytes of a file, mapped."""
        if name not in self._files:
            raise FormatError(f"{quoted(self._path)} holds no {quoted(name)}")
        data = mapped(self._files[name])
        if len(data) > max_bytes:
            raise FormatError(f"{name}: at most {max_bytes} bytes expected, found {len(data)}")
        self._views.append(data)
        return data

    def drop_pages(self) -> None:
        """Let go of the memory that reading took; views stay valid."""
        for view in self._views:
            drop_pages(view)

    def close(self) -> None:
        """Forget the files; views stay valid."""
        self._files, self._views = {}, []
