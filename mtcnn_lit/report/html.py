"""Self-contained pages: no script, no network, light and dark. All text is escaped here.

`Html` is escaped text; only the functions of this module create it.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Collection, Iterable, Sequence
from typing import NewType

Html = NewType("Html", str)

# `0.4614 (9)` and a dash are aligned as numbers.
_NUMBER = re.compile(r"[-+]?(\d|\.\d|inf|nan)|–$")
_CSS = """
:root { color-scheme: light dark; --ink: #1f2328; --faint: #59636e; --ground: #fff; --line: #d9dee4; --mark: #ddf4e4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --faint: #9aa4af; --ground: #15181c; --line: #343a42; --mark: #1c4029; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 1500px;
  margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
p { color: var(--faint); margin: 0 0 .75rem; max-width: 75ch; }
img { display: block; max-width: 100%; height: auto; border-radius: 6px; background: #fff; }
.scroll { overflow-x: auto; }
.scroll + .scroll { margin-top: 1.5rem; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.row img { flex: 1 1 360px; min-width: 0; max-width: 640px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
thead th { color: var(--faint); font-weight: 600; vertical-align: bottom; border-bottom-width: 2px; }
tr > :first-child { position: sticky; left: 0; background: var(--ground); padding-left: 0; }
tbody th { font-weight: 600; }
.number { text-align: right; }
.strong { font-weight: 600; background: var(--mark); }
"""


def page(title: str, sections: Iterable[tuple[str, Html]]) -> str:
    """A whole page.

    Args:
        sections: headings and their contents.
    """
    parts = "\n".join(f"<section>\n<h2>{html.escape(heading)}</h2>\n{body}\n</section>" for heading, body in sections)
    name = html.escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n<h1>{name}</h1>\n{parts}\n</body>\n</html>\n"
    )


def paragraph(text: str) -> Html:
    """A note above a table or a picture."""
    return Html(f"<p>{html.escape(text)}</p>")


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], strong: Collection[tuple[int, int]] = frozenset()
) -> Html:
    """A table whose first column names the rows; columns of numbers are right-aligned, and wide tables scroll.

    Args:
        rows: as many cells each as there are headers.
        strong: cells to mark, as row and column, both from 0.
    """
    number = [column > 0 and all(map(_is_number, cells)) for column, cells in enumerate(zip(*rows, strict=True))]
    number = number or [False] * len(headers)
    head = "".join(_cell("th", text, number=number[column]) for column, text in enumerate(headers))
    body = "\n".join(
        "<tr>"
        + "".join(
            _cell("td" if column else "th", text, number=number[column], strong=(row, column) in strong)
            for column, text in enumerate(cells)
        )
        + "</tr>"
        for row, cells in enumerate(rows)
    )
    return Html(
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
    )


def picture(png: bytes, alt: str) -> Html:
    """A PNG file, embedded in the page.

    Args:
        alt: what it shows, in words.
    """
    data = base64.b64encode(png).decode("ascii")
    return Html(f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}">')


def join(*parts: Html) -> Html:
    """The parts one below the other."""
    return Html("\n".join(parts))


def row(*parts: Html) -> Html:
    """The parts side by side, if there is room."""
    return Html(f'<div class="row">{join(*parts)}</div>')


def _cell(element: str, text: str, *, number: bool = False, strong: bool = False) -> str:
    classes = " ".join(name for name, given in (("number", number), ("strong", strong)) if given)
    attribute = f' class="{classes}"' if classes else ""
    return f"<{element}{attribute}>{html.escape(text)}</{element}>"


def _is_number(text: str) -> bool:
    """Whether it starts like a number."""
    return _NUMBER.match(text) is not None
