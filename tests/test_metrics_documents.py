"""The page of metrics, the dashboard and the alerts name the metrics and labels that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from flask_bucketcors import MemoryStore, Reason
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.stores.health import CopyHealth
from flask_bucketcors.wsgi import prometheus_metrics
from flask_bucketcors.wsgi.prometheus_metrics import Metrics
from flask_bucketcors.wsgi.rules_cache import Asked
from tests.support import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
DASHBOARD = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text("utf-8"))


class Copied(MemoryStore):
    """A store that has a copy."""

    def copy_health(self) -> CopyHealth:
        return CopyHealth(1.0, True)


def metrics() -> dict[str, tuple[str, list[str]]]:
    """The types and labels of all metrics, by the names under which Prometheus finds them."""
    found = Metrics(CollectorRegistry(), is_shared=False)
    found._stores[0] = store = Copied()
    found.publish()
    assert store.copy_health().age == 1.0
    return {
        f"{each._name}_total" if each._type == "counter" else each._name: (
            each._type,
            list(each._labelnames),
        )
        for each in found._families()
    }


def section(title: str) -> str:
    return re.split(r"^##+ ", PAGE.partition(f" {title}\n")[2], maxsplit=1, flags=re.M)[0]


def rows(title: str) -> list[list[str]]:
    lines = re.findall(r"^\| (`.*) \|$", section(title), re.M)
    return [re.split(r" \| ?", line) for line in lines]


def test_the_page_lists_all_metrics_with_their_types_and_labels() -> None:
    listed = {
        row[0].strip("`"): (row[1], re.findall(r"`(\w+)`", row[2]))
        for row in rows("All metrics")
        if row[0].startswith("`bucketcors_")
    }
    assert listed == metrics()


def test_the_page_lists_the_values_of_labels() -> None:
    listed = {
        row[0]: re.findall(r"`(\w+)`", row[1])
        for row in rows("All metrics")
        if not row[0].startswith("`bucketcors_")
    }
    labels = {label for _, names in metrics().values() for label in names}
    assert {re.findall(r"`(\w+)`", title)[0] for title in listed} == labels
    assert listed["`dialect`"] == [*DIALECTS]
    assert {*listed["`reason`"]} <= {*Reason}
    assert listed["`method`"] == [*("GET", "PUT", "DELETE", "OPTIONS"), "other"]
    for question, title in (("read", "`result` of reads"), ("check", "`result` of checks")):
        assert listed[title] == [each.value[1] for each in Asked if each.value[0] == question]


def queries() -> Iterator[tuple[str, str]]:
    """The queries of the dashboard and of the alerts, each with the place where it stands."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for alert in section("Alerts").split("- alert: ")[1:]:
        yield alert.partition("\n")[0], alert.partition("expr:")[2].partition("for:")[0]


def test_there_are_queries() -> None:
    assert len(list(queries())) >= 18


@pytest.mark.parametrize("query", [pytest.param(query, id=place) for place, query in queries()])
def test_a_query_names_metrics_that_there_are_and_labels_that_they_have(query: str) -> None:
    known = metrics()
    named = re.findall(r"bucketcors_\w+", query)
    assert named
    assert {*named} <= known.keys()
    allowed = {"job", "instance", *(label for name in named for label in known[name][1])}
    selected = re.findall(r'(\w+)=~?"', query)
    grouped = [
        each for group in re.findall(r"(?:by|on) \(([^)]*)\)", query) for each in group.split(", ")
    ]
    assert {*selected, *grouped} <= allowed


def test_all_metrics_are_on_the_dashboard() -> None:
    shown = {name for _, query in queries() for name in re.findall(r"bucketcors_\w+", query)}
    assert shown == metrics().keys()


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_a_legend_names_a_label_by_which_its_query_is_grouped(panel: dict[str, object]) -> None:
    for target in panel["targets"]:  # type: ignore[attr-defined]
        named = re.findall(r"{{(\w+)}}", target["legendFormat"])
        grouped = re.findall(r"by \(([^)]*)\)", target["expr"])[0].split(", ")
        assert named == grouped


def test_the_seconds_of_the_page_are_those_of_the_code() -> None:
    assert prometheus_metrics.PUBLISH_SECONDS == 1
    assert "a second after the first request" in PAGE


def test_the_dashboard_is_beside_the_page() -> None:
    assert "(grafana-dashboard.json)" in PAGE
    assert Path(ROOT, "docs", "grafana-dashboard.json").stat().st_size < 20_000
