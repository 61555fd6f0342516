"""Read settings from an environment and a TOML document: all mistakes at once, and never a value.

No setting is known here by name: names, secrets and defaults come from the model, one table deep.
First wins: environment variable, environment variable with `_FILE`, key in the document, key with `_file`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from runtime.errors import SettingsError
from runtime.mistakes import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

CONTRADICTION = "contradiction"
"""Type of the pydantic error whose context lists `problems`: pairs of a field's name and a sentence."""

SERVICE_LINK = re.compile(r"_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?$")
"""Kubernetes sets these in every pod for a service whose name begins with callweave-."""


@dataclass(frozen=True)
class Loaded(Generic[Model]):
    """Settings, with the origin of each one that is not a default."""

    settings: Model
    origins: dict[str, str]
    """From the dotted name, such as `ingest.port`, to the variable or the document."""


@dataclass
class _Reader:
    prefix: str
    fields: dict[str, FieldInfo]
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def put(self, name: str, value: Any, origin: str) -> None:
        """Keep a value, unless a stronger origin has set it."""
        if name not in self.values:
            self.values[name] = value
            self.origins[name] = origin

    def put_file(self, name: str, path: Any, origin: str) -> None:
        """Read a secret from the file at `path`; one line feed at its end is not part of it."""
        if name in self.values:
            return
        try:
            self.put(name, Path(path).read_text("utf-8").removesuffix("\n").removesuffix("\r"), origin)
        except (OSError, UnicodeDecodeError, TypeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a text file"
            self.problems.append(f"{origin} ({name}): the secret's file can't be read: {why}")

    def variable(self, name: str) -> str:
        return self.prefix + name.replace(".", "__").upper()

    def secrets(self) -> Iterator[str]:
        return (name for name, info in self.fields.items() if is_secret(info))

    def read_environment(self, environ: Mapping[str, str], ignored: tuple[str, ...]) -> None:
        """Read every variable. An empty one counts as not set, which `${X:-}` in compose files relies on."""
        plain = {self.variable(name): name for name in self.fields}
        files = {f"{self.variable(name)}_FILE": name for name in self.secrets()}
        ours = {key: value for key, value in environ.items() if key.startswith(self.prefix) and value}
        for variable, value in sorted(ours.items()):  # X sorts before X_FILE
            if variable in plain:
                self.put(plain[variable], value, variable)
            elif variable in files:
                name = files[variable]
                if self.variable(name) in ours:
                    self.problems.append(f"{variable} ({name}): {self.variable(name)} is set too: keep one")
                self.put_file(name, value, variable)
            elif not variable.startswith(ignored) and not _is_service_link(variable, value):
                self.problems.append(f"{variable} is not a setting{nearest(variable, [*plain, *files])}")

    def read_document(self, document: Mapping[str, Any], origin: str) -> None:
        """Read every key of a TOML document with tables one level deep."""
        tables = {name.partition(".")[0] for name in self.fields if "." in name}
        files = {f"{name}_file": name for name in self.secrets()}
        for name, value in _flat(document, tables):
            if name in self.fields:
                self.put(name, value, origin)
            elif name in files:
                if files[name] in dict(_flat(document, tables)):
                    self.problems.append(f"{origin} ({name}): {files[name]} is set too: keep one")
                self.put_file(files[name], value, origin)
            elif name in tables:
                self.problems.append(f"{origin} ({name}): must be a table: [{name}]")
            else:
                close = nearest(name, [*self.fields, *files, *tables])
                self.problems.append(f"{origin}: {name} is not a setting{close}")

    def nested(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, value in self.values.items():
            table, _, key = name.rpartition(".")
            (result.setdefault(table, {}) if table else result)[key] = value
        return result

    def where(self, name: str) -> str:
        return f"{self.origins.get(name) or self.variable(name)} ({name})"


def read(
    model: type[Model],
    environ: Mapping[str, str],
    document: Mapping[str, Any],
    *,
    prefix: str,
    origin: str,
    ignored: tuple[str, ...] = (),
) -> Loaded[Model]:
    """Build the model; raise `SettingsError` with a sentence for every mistake.

    `origin` names the document. Variables that begin with one of `ignored` are not settings.
    """
    reader = _Reader(prefix, dict(fields_of(model)))
    reader.read_environment(environ, ignored)
    reader.read_document(document, origin)
    try:
        settings = model.model_validate(reader.nested())
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        sentences = [line for detail in details for line in _sentences(reader, detail)]
        raise SettingsError(reader.problems + sentences) from None  # the cause repeats the values
    if reader.problems:
        raise SettingsError(reader.problems)
    return Loaded(settings, reader.origins)


def fields_of(model: type[BaseModel], table: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of a model by its dotted name, in order of definition."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields_of(kind, f"{name}.")
        else:
            yield table + name, info


def is_secret(info: FieldInfo) -> bool:
    return "SecretStr" in str(info.annotation) or info.annotation is SecretStr


def nearest(name: str, names: list[str]) -> str:
    """Return the end of a sentence about an unknown name, which may suggest a known one."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f": did you mean {close[0]}?" if close else ""


def _is_service_link(variable: str, value: str) -> bool:
    return bool(SERVICE_LINK.search(variable)) or (variable.endswith("_PORT") and "://" in value)


def _flat(document: Mapping[str, Any], tables: set[str]) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if key in tables and isinstance(value, dict):
            yield from ((f"{key}.{inner}", content) for inner, content in value.items())
        else:
            yield key, value


def _sentences(reader: _Reader, detail: ErrorDetails) -> list[str]:
    table = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == CONTRADICTION:
        pairs: list[tuple[str, str]] = detail["ctx"]["problems"]
        names = ((f"{table}.{name}" if table else name, sentence) for name, sentence in pairs)
        return [f"{reader.where(name)}: {sentence}" for name, sentence in names]
    return [f"{reader.where(table)}: {words(detail)}"]
