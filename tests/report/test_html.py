"""Pages: whole, escaped, and without anything from elsewhere."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

from mtcnn_lit.report.html import Html, join, page, paragraph, picture, table

EVIL = "<script>alert('&\"')</script>"


class Parsed(HTMLParser):
    """Elements with their attributes, and the texts; complains about what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.texts.append(data)

    def cells(self) -> list[tuple[str, str | None]]:
        return [(tag, attributes.get("class")) for tag, attributes in self.elements if tag in ("th", "td")]


def test_a_page_has_its_title_and_sections() -> None:
    parsed = Parsed(page("Runs & more", [("First", paragraph("one")), ("Second", paragraph("two"))]))
    assert parsed.texts == ["Runs & more", "Runs & more", "First", "one", "Second", "two"]
    assert ("html", {"lang": "en"}) in parsed.elements
    assert ("meta", {"charset": "utf-8"}) in parsed.elements


def test_all_text_is_escaped() -> None:
    body = join(paragraph(EVIL), table([EVIL], [[EVIL]]), picture(b"", EVIL))
    parsed = Parsed(page(EVIL, [(EVIL, body)]))
    assert "script" not in {tag for tag, _ in parsed.elements}
    assert parsed.texts == [EVIL] * 6
    assert parsed.elements[-1][1]["alt"] == EVIL


def test_nothing_comes_from_elsewhere() -> None:
    text = page("title", [("heading", join(table(["a"], [["b"]]), picture(b"png", "alt")))])
    assert "http" not in text
    assert "//" not in text
    assert "url(" not in text


def test_columns_of_numbers_stand_to_the_right() -> None:
    parsed = Parsed(table(["run", "ap", "source"], [["1", "0.5 (3)", "coco"], ["2", "–", "0.5"]]))
    row = [("th", None), ("td", "number"), ("td", None)]
    assert parsed.cells() == [("th", None), ("th", "number"), ("th", None), *row, *row]


def test_cells_can_be_marked() -> None:
    parsed = Parsed(table(["run", "ap"], [["a", "0.5"], ["b", "x"]], {(1, 1)}))
    assert parsed.cells()[-1] == ("td", "strong")


def test_a_table_may_be_empty() -> None:
    assert Parsed(table(["a", "b"], [])).texts == ["a", "b"]


def test_a_picture_is_held_by_the_page() -> None:
    (element,) = Parsed(picture(b"\x89PNG", "curves")).elements
    data = base64.b64encode(b"\x89PNG").decode()
    assert element == ("img", {"src": f"data:image/png;base64,{data}", "alt": "curves"})


def test_parts_stand_below_each_other() -> None:
    assert join(Html("<p>a</p>"), Html("<p>b</p>")) == "<p>a</p>\n<p>b</p>"
