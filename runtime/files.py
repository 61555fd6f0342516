"""Files that are replaced as a whole: whoever reads one finds the old content or the new, never a part."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def writing(path: Path, setting: str) -> Iterator[None]:
    """Turn a failure to write this file into a `StartError` that says what to do.

    `setting` is the setting that holds the path.
    """
    try:
        yield
    except OSError as error:
        raise StartError(
            f"{path} can't be written ({error.strerror}): let this user write there, or set {setting} to "
            "another path."
        ) from None


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, or put this content in the place of what it holds; raise OSError.

    A crash at any moment leaves the old file or the new one, and once this returns it is the new one, on the
    disk. It is readable by us alone, whatever the old one was. A failure to write leaves the old file, and
    nothing beside it.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        new = Path(file.name)  # mode 0600 from its creation on: tempfile sees to that
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else a power failure may undo the new name
    finally:
        os.close(folder)
