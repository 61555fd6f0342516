"""What the benches found, as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Section:
    """What one bench found."""

    title: str
    meaning: str
    """What the figures are of, how they were taken, and what is wanted of them."""
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """A heading, the meaning, a table, the notes."""
        lines = [f"## {self.title}", "", self.meaning, ""]
        lines += [_row(self.columns), _row(("---",) * len(self.columns)), *map(_row, self.rows)]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
