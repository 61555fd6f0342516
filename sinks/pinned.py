"""The settings that every view pins: a reader's own would change its figures, or fail. Pure."""

from __future__ import annotations

PINNED = (
    # a number may be corrected: sinks/indexes.py
    "use_skip_indexes_if_final_exact_mode = 1",
    "additional_table_filters = {}",  # a reader's would tell what is in columns that the view does not show
    "aggregate_functions_null_for_empty = 0",
    "join_use_nulls = 0",
    "prefer_column_name_to_alias = 0",
)

_COMMENT = "\nCOMMENT '"
_OWN = "\nSETTINGS\n"


def pin(view: str) -> str:
    """Give a view's statement with these settings before its comment; its own take precedence."""
    query, comment = view.rsplit(_COMMENT, 1)
    query, _, own = query.partition(_OWN)
    pinned = [f"    {each}" for each in PINNED if f"    {each.split()[0]} = " not in own]
    settings = ",\n".join([*pinned, *([own] if own else [])])
    return f"{query}{_OWN}{settings}{_COMMENT}{comment}"
