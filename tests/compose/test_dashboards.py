"""Dashboards ask for what the tables have, and rules for what the stages export."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from operations.watch.alerts import Kind
from runtime.metrics import render
from tests.compose.expressions import (
    ADDED,
    BY_PROMETHEUS,
    COMPOSE,
    DASHBOARDS,
    OF_EVERY_PROCESS,
    RULES,
    asked,
    expressions,
    family,
    missing,
    targets,
)
from tests.kit.metrics import LABELS

if TYPE_CHECKING:
    from clickhouse_driver import Client

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
MACROS = {
    r"\$__timeFilter\(([^()]+)\)": r"\1 >= toDateTime('2026-07-27 00:00:00') AND \1 <= now()",
    r"\$__timeInterval\(([^()]+)\)": r"toStartOfInterval(toDateTime(\1), INTERVAL 60 second)",
    r"\$__fromTime": "toDateTime('2026-07-27 00:00:00')",
    r"\$__toTime": "toDateTime('2026-07-28 00:00:00')",
}
"""As Grafana's data source for ClickHouse writes them."""
SQL = [(place, panel["type"], target) for place, panel, target in targets("clickhouse")]


def _written(sql: str) -> str:
    for macro, text in MACROS.items():
        sql = re.sub(macro, text, sql)
    assert "$" not in sql
    return sql


@pytest.mark.parametrize(("place", "kind", "target"), SQL, ids=[place for place, _, _ in SQL])
def test_each_panels_query_runs(client: Client, place: str, kind: str, target: dict[str, str]) -> None:
    _, columns = client.execute(_written(target["rawSql"]), with_column_types=True)
    assert columns
    is_series = kind == "timeseries"
    assert target["queryType"] == ("timeseries" if is_series else "table")
    assert (columns[0][0] == "time") is is_series


def test_panels_have_ids_and_places_of_their_own() -> None:
    for dashboard in DASHBOARDS.values():
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [
            (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
            for panel in panels
            for x in range(panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


def test_data_sources_are_those_that_are_provisioned() -> None:
    provisioned = yaml.safe_load(
        (COMPOSE / "grafana" / "provisioning" / "datasources" / "callweave.yaml").read_text()
    )
    known = {each["uid"]: each["type"] for each in provisioned["datasources"]}
    used = {
        (target["datasource"]["uid"], target["datasource"]["type"])
        for dashboard in DASHBOARDS.values()
        for panel in dashboard["panels"]
        for target in [panel, *panel["targets"]]
    }
    assert used == set(known.items())


@pytest.mark.parametrize("place", expressions())
def test_each_expression_asks_for_labels_that_are_exported(place: str) -> None:
    for name, labels in asked(expressions()[place]):
        if name in OF_EVERY_PROCESS:
            assert labels <= ADDED
        elif name not in BY_PROMETHEUS:
            assert name.startswith("callweave_")
            assert labels - ADDED <= LABELS[name if name in LABELS else family(name)], name


def test_each_expression_asks_for_metrics_that_are_exported() -> None:
    """By the page itself; tests/operations/watch/test_stage.py asks a running stack for it."""
    page, _ = render()
    assert missing(page.decode()) == []


def test_a_wrong_expression_is_seen() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        list(asked("sum(rate(a[5m])"))
    assert {each.name for each in asked("rate(a_total{b='c'}[5m]) / d > 1")} == {"a_total", "d"}


def test_each_alert_has_a_section_in_the_runbook() -> None:
    sections = re.findall(r"^## (\w+)\n\n(.+)$", RUNBOOK, re.MULTILINE)
    assert [name for name, _ in sections] == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= {
            label for each in asked(rule["expr"]) for label in (LABELS.get(each.name, set()) | ADDED)
        }


def test_each_rule_says_when_it_fires() -> None:
    """`promtool test rules` tries it."""
    tests = yaml.safe_load((COMPOSE / "prometheus" / "rules_test.yml").read_text())["tests"]
    assert [each["name"] for each in tests] == [rule["alert"] for rule in RULES]
    for each in tests:
        assert any(case.get("exp_alerts") for case in each["alert_rule_test"])
        assert any(not case.get("exp_alerts") for case in each["alert_rule_test"])


def test_each_kind_of_alert_leads_to_a_section() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| \[\w+\]\(#(\w+)\) \|$", RUNBOOK, re.MULTILINE))
    assert set(rows) == set(Kind)
    assert set(rows.values()) <= {rule["alert"].lower() for rule in RULES}
