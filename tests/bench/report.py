"""What the benches found, as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Section:
    """What one bench found: a table, or a text as it was printed."""

    title: str
    meaning: str
    """What the figures are of, how they were taken, and what is wanted of them."""
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    text: str = ""

    def markdown(self) -> str:
        """A heading, the meaning, the figures, the notes."""
        lines = [f"## {self.title}", "", self.meaning, ""]
        if self.columns:
            lines += [_row(self.columns), _row(("---",) * len(self.columns)), *map(_row, self.rows)]
        if self.text:
            lines += ["```", self.text.rstrip(), "```"]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
