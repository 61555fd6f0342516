"""The queries of dashboards and alert rules: where they are, and what they ask for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import promql_parser
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPOSE = Path(__file__).parents[2] / "compose"
RULES: list[dict[str, Any]] = yaml.safe_load((COMPOSE / "prometheus" / "rules.yml").read_text())["groups"][0][
    "rules"
]
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in (COMPOSE / "grafana" / "dashboards").glob("*.json")
}
BY_PROMETHEUS = {"up"}
"""Series that Prometheus makes itself."""
OF_EVERY_PROCESS = {"process_start_time_seconds"}
"""Series that every stage exports, without labels."""
ADDED = {"job", "instance", "le"}
"""Labels that Prometheus or its histograms add."""


class Asked(NamedTuple):
    """A series, and the labels by which it is picked or grouped."""

    name: str
    labels: frozenset[str]


def targets(source: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """A place to name in an error, the panel and the target, of one kind of data source."""
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["uid"] == source:
                    yield f"{name}: {panel['title']} {target['refId']}", panel, target


def expressions() -> dict[str, str]:
    """Every expression of a rule or a panel, by where it is."""
    rules = {rule["alert"]: rule["expr"] for rule in RULES}
    return rules | {place: target["expr"] for place, _, target in targets("prometheus")}


def asked(expression: str) -> Iterator[Asked]:
    """The series of an expression; raises ValueError if it is no PromQL."""
    yield from _asked(promql_parser.parse(expression), frozenset())


def _asked(node: Any, grouped: frozenset[str]) -> Iterator[Asked]:
    """`grouped` are the labels by which it is aggregated above."""
    kind = type(node).__name__
    if kind == "VectorSelector":
        yield Asked(node.name, grouped | {each.name for each in node.matchers.matchers})
    elif kind == "MatrixSelector":
        yield from _asked(node.vector_selector, grouped)
    elif kind == "AggregateExpr":
        by = frozenset(node.modifier.labels) if node.modifier else frozenset()
        yield from _asked(node.expr, grouped | by)
    elif kind == "BinaryExpr":
        yield from _asked(node.lhs, grouped)
        yield from _asked(node.rhs, grouped)
    elif kind in {"ParenExpr", "UnaryExpr", "SubqueryExpr"}:
        yield from _asked(node.expr, grouped)
    elif kind == "Call":
        for argument in node.args:
            yield from _asked(argument, grouped)
    else:
        assert kind in {"NumberLiteral", "StringLiteral"}, kind


def family(series: str) -> str:
    """The metric that a series belongs to, as its HELP line names it in Prometheus's text format."""
    return re.sub(r"_(bucket|sum|count)$", "", series)


def missing(pages: str) -> list[str]:
    """Which expressions ask for metrics that none of these /metrics pages has."""
    there = set(re.findall(r"^# TYPE (\S+)", pages, re.MULTILINE)) | BY_PROMETHEUS
    return [
        f"{place}: {each.name}"
        for place, expression in expressions().items()
        for each in asked(expression)
        if not {each.name, family(each.name)} & there
    ]
