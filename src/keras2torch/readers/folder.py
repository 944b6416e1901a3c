"""A folder of files, read as an archive is: by name, and nothing outside of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from keras2torch.errors import FormatError, quoted
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.mapped import drop_pages, mapped

_NAME = re.compile(r"[\w.-]+(/[\w.-]+){0,16}")  # vocabularies lie in a folder for each layer


class Folder:
    """The regular files of a folder and of the folders in it.

    A link is followed where it stays inside. Hugging Face's cache keeps a repository's names in
    ``snapshots/<revision>`` and the bytes that they are links to in ``blobs``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        whole = path.resolve()
        self._roots = [whole]
        if whole.parent.name == "snapshots":
            self._roots.append(whole.parent.parent / "blobs")
        self._views: list[memoryview] = []

    def names(self) -> tuple[str, ...]:
        """The files, with ``/`` between folders; those with other names are left out."""
        found: list[str] = []
        for place, folders, files in os.walk(self._path):
            folders.sort()
            paths = [Path(place, file).relative_to(self._path).as_posix() for file in sorted(files)]
            found += [path for path in paths if _NAME.fullmatch(path)]
            if len(found) > LIMITS.zip_members:
                raise FormatError(f"{quoted(self._path)}: more than {LIMITS.zip_members} files")
        return tuple(found)

    def read(self, name: str, max_bytes: int) -> bytes:
        """The bytes of a file."""
        return bytes(self.view(name, max_bytes))

    def view(self, name: str, max_bytes: int) -> memoryview:
        """The bytes of a file, mapped."""
        file = self._path / name
        if not _NAME.fullmatch(name) or not file.exists():
            raise FormatError(f"{quoted(self._path)} holds no {quoted(name)}")
        if not any(file.resolve().is_relative_to(root) for root in self._roots):
            raise FormatError(f"{quoted(name)} is a link out of {quoted(self._path)}")
        data = mapped(file)
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
        self._views = []
