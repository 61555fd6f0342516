"""The objects within an object that says nothing itself: in an envelope, or taken apart into a form's names.

`{"code": 0, "data": {…}}`, `payload={…}`, `detail[uuid]=…`, `events[0][uuid]=…`, `event.CallID=…`; and values
of which each is in a list of its own, as libraries give those of a form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from schemas.payload.decode import beside_each, objects_of_text

if TYPE_CHECKING:
    from schemas.payload.decode import Fields

PART = re.compile(r"[^\[\].]+")
"""Of a name that says where its value was."""


def objects_within(fields: Fields) -> list[Fields]:
    """Return the objects in an object, each with the fields beside it; raise `Undecodable` for too many."""
    if fields and all(isinstance(value, list) and len(value) == 1 for value in fields.values()):
        return [{name: value[0] for name, value in fields.items() if isinstance(value, list)}]
    grouped = _put_together(fields)
    inner = {name: found for name, value in grouped.items() if (found := _objects_of(value))}
    beside = {name: value for name, value in grouped.items() if name not in inner}
    found = beside_each(beside, [each for objects in inner.values() for each in objects])
    return found or ([grouped] if grouped != fields else [])


def _put_together(fields: Fields) -> Fields:
    """Return objects in the place of names like `detail[uuid]`."""
    whole: Fields = {}
    for name, value in fields.items():
        *path, last = PART.findall(name) or [name]
        into: Any = whole
        for each in path:
            into = into.setdefault(each, {})
            if not isinstance(into, dict):
                break
        if isinstance(into, dict):
            into.setdefault(last, value)
        else:
            whole.setdefault(name, value)
    return whole


def _objects_of(value: Any) -> list[Fields]:
    if isinstance(value, dict):
        return [value] if value else []
    if isinstance(value, list):
        return [found for each in value for found in _objects_of(each)]
    return objects_of_text(value)
