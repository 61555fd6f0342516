"""What pydantic finds wrong, in our words; its own may repeat the value, which may be a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

WORDS = {
    "less_than_equal": "must be ≤ {le:g}",
    "less_than": "must be < {lt:g}",
    "greater_than_equal": "must be ≥ {ge:g}",
    "greater_than": "must be > {gt:g}",
    "literal_error": "must be {expected}",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must match {pattern}",
    "datetime_type": "must be a date and time",
    "datetime_parsing": "must be a date and time",
    "timezone_aware": "must have a time zone",
    "tuple_type": "must be a list",
    "path_type": "must be a path",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "missing": "is missing",
    "extra_forbidden": "is not a setting",
    "value_error": "{error}",
    "contradiction": "{sentences}",
}


def words(detail: ErrorDetails) -> str:
    """Return the mistake as the end of a sentence that begins with the field's name."""
    known = WORDS.get(detail["type"])
    return known.format_map(detail.get("ctx", {})) if known else f"is not valid ({detail['type']})"
