"""Memory that large batches took, and that the C library would keep for the next ones."""

from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Only glibc has it: others give memory back by themselves, or never."""


def give_back() -> None:
    """Let the machine have every page of the heap on which nothing is left; takes some milliseconds.

    What is kept for hours is made between what lives only for a batch, so glibc by itself gives back only
    what lies at the end of its heap.
    """
    if _trim is not None:
        _trim(0)
