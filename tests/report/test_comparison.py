"""The tables of a comparison, on the page and on the terminal."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.report.comparison import best_text, comparison_page, last_text, number, summary
from mtcnn_lit.report.events import Curve
from mtcnn_lit.report.runs import Run


class Tables(HTMLParser):
    """The rows of each section by its heading, marked cells with an asterisk."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: dict[str, list[list[str]]] = {}
        self.element, self.mark = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.element = tag
        self.mark = "*" if "strong" in (dict(attrs).get("class") or "") else ""
        if tag == "tr":
            list(self.sections.values())[-1].append([])
        elif tag in ("th", "td"):
            list(self.sections.values())[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.element = ""

    def handle_data(self, data: str) -> None:
        if self.element == "h2":
            self.sections[data] = []
        elif self.element in ("th", "td"):
            list(self.sections.values())[-1][-1][-1] = data + self.mark


def curve(*values: float) -> Curve:
    steps = np.arange(len(values))
    return Curve(steps, np.array(values), steps + 1.0)


def run(lr: str, ap: tuple[float, ...], loss: tuple[float, ...], stage: str = "pnet") -> Run:
    curves = {"val/loss": curve(*loss), "val/ap": curve(*ap)}
    return Run(Path("out") / lr, stage, {"stage": stage, "net.lr": lr, "seed": "0"}, curves, finished=lr != "0.3")


RUNS = [run("0.1", (0.5, 0.75, 0.25), (0.5, 0.25, 0.125)), run("0.3", (0.5, 0.625), (0.5, math.nan))]
NAMES = ["pnet lr=0.1", "pnet lr=0.3"]


def test_the_page_has_the_tables_of_what_differs_and_of_the_metrics() -> None:
    sections = Tables(comparison_page(RUNS, NAMES, b"png")).sections
    assert list(sections) == ["Curves", "Hyperparameters that differ", "Best metrics", "Last metrics", "Runs"]
    assert sections["Hyperparameters that differ"] == [["run", "net.lr"], [NAMES[0], "0.1"], [NAMES[1], "0.3"]]
    assert sections["Best metrics"] == [
        ["run", "val/ap", "val/loss"],
        [NAMES[0], "0.7500 (2)*", "0.1250 (3)*"],
        [NAMES[1], "0.6250 (2)", "0.5000 (1)"],
    ]
    assert sections["Last metrics"] == [
        ["run", "val/ap", "val/loss"],
        [NAMES[0], "0.2500", "0.1250"],
        [NAMES[1], "0.6250", "nan"],
    ]
    assert sections["Runs"][1:] == [
        [NAMES[0], "out/0.1", "3", "finished"],
        [NAMES[1], "out/0.3", "2", "not finished"],
    ]


def test_keys_stand_below_each_other_where_there_are_more_of_them_than_runs() -> None:
    sections = Tables(comparison_page(RUNS[:1], ["pnet"], b"png")).sections
    assert sections["Best metrics"] == [["", "pnet"], ["val/ap", "0.7500 (2)"], ["val/loss", "0.1250 (3)"]]
    assert "Hyperparameters that differ" not in sections


def test_only_runs_of_one_stage_compete() -> None:
    page = comparison_page([RUNS[0], run("0.1", (0.9,), (0.1,), "rnet")], ["pnet", "rnet"], b"png")
    assert "*" not in str(Tables(page).sections["Best metrics"])


def test_runs_that_don_t_differ_say_so() -> None:
    assert "the records of these runs say the same" in comparison_page([RUNS[0]] * 2, ["a", "b"], b"png")


def test_runs_without_records_say_so() -> None:
    bare = replace(RUNS[0], settings={})
    for runs in ([bare, bare], [RUNS[0], bare]):
        assert "fewer than two of these runs have a record" in comparison_page(runs, ["a", "b"], b"png")


def test_the_terminal_gets_aligned_columns() -> None:
    assert summary(RUNS, NAMES, most=1).splitlines() == [
        "run          best val/ap  last val/ap",
        "pnet lr=0.1  0.7500 (2)   0.2500",
        "pnet lr=0.3  0.6250 (2)   0.6250",
    ]


def test_what_was_not_measured_is_a_dash() -> None:
    assert best_text("val/ap", None) == last_text("val/ap", None) == "–"
    assert best_text("val/loss", curve(math.nan)) == "–"
    assert best_text("val/ap", Curve(np.array([7]), np.array([0.5]))) == "0.5000"
    for epochs, text in ((1300.0, "1300"), (2.5, "2.5"), (1 / 3, "0.33"), (3.0, "3")):
        assert best_text("val/ap", Curve(np.array([7]), np.array([0.5]), np.array([epochs]))) == f"0.5000 ({text})"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0000"), (0.46138, "0.4614"), (12.5, "12.5000"), (1e-5, "1e-05"), (-3e6, "-3e+06"), (math.inf, "inf")],
)
def test_numbers_have_four_decimals_unless_that_says_nothing(value: float, text: str) -> None:
    assert number(value) == text
