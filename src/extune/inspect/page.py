"""The figures as one HTML file, in the style of the evaluation report and under the same policy."""

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

from .. import report
from ..report.markup import Markup, join, scrollable, tag
from ..report.page import policy
from ..report.tables import bar
from ..report.tables import table as grid
from .charts import histogram
from .duplicates import Duplicates
from .limits import percent
from .shape import Figures, SplitFigures
from .table import shown
from .words import say

SECTIONS = (("overview", "Overview"), ("labels", "Labels"), ("lengths", "Lengths"), ("problems", "Problems"))
HOW = (
    "Near duplicates share at least 0.8 of their character 5-grams (Jaccard). An item is seen if train has its strict "
    "key; a rare label has fewer than 5 items."
)
_HERE = Path(__file__).parent


def render(figures: Figures) -> str:
    """The whole page; equal figures give equal bytes."""
    style = resources.files(report).joinpath("page.css").read_text("utf-8") + (_HERE / "page.css").read_text("utf-8")
    script = (_HERE / "page.js").read_text("utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", "Data inspection · 数据检查"),
        tag("style", Markup(style)),
    )
    parts = {"overview": _overview, "labels": _labels, "lengths": _lengths, "problems": _problems}
    main = tag("main", *(_section(place, title, parts[place](figures)) for place, title in SECTIONS), id="main")
    body = tag("body", _header(), main, tag("script", Markup(script)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header() -> Markup:
    return tag(
        "header",
        tag("a", say("Skip to the figures"), href="#main", class_="skip"),
        tag("button", "中文", type="button", id="language", hidden=""),
        tag("button", "Dark", type="button", id="theme", hidden=""),
        tag("h1", say("Data inspection")),
        tag("nav", *(tag("a", say(title), href=f"#{place}") for place, title in SECTIONS), aria_label="Sections"),
    )


def _section(place: str, title: str, inner: Markup) -> Markup:
    return tag("section", tag("h2", say(title), id=f"{place}-title"), inner, id=place, aria_labelledby=f"{place}-title")


def _overview(figures: Figures) -> Markup:
    splits = figures.splits.values()
    records = sum(split.records for split in splits)
    found = {
        "Rejected": sum(split.rejected for split in splits),
        "Without annotation": sum(split.empty for split in splits),
        "Not in the text": sum(found.missing for split in splits for found in split.ungrounded.values()),
        "Exact duplicates": sum(split.duplicates.exact for split in splits),
        "Near duplicates": sum(split.duplicates.near for split in splits),
    }
    if figures.leakage:
        leaks = figures.leakage.values()
        found["Texts in train too"] = sum(leak.texts.exact + leak.texts.near for leak in leaks)
    if any(split.over_window is not None for split in splits):
        found["Over the window"] = sum(split.over_window or 0 for split in splits)
    tiles = [_tile(name, count, bool(count) and name != "Without annotation") for name, count in found.items()]
    rows = [row for name, split in figures.splits.items() for row in [_split_row(name, split)]]
    columns = ("Split", "Records", "Rejected", "Languages", "Without annotation", "Exact duplicates", "Near duplicates")
    return join(
        (
            tag("dl", _tile("Records", records, False), *tiles, class_="tiles"),
            _table("Splits", columns, rows),
            _leakage(figures),
            tag("p", say(HOW), class_="note"),
        )
    )


def _tile(name: str, count: int, bad: bool) -> Markup:
    value = tag("dd", f"{count:,}", class_="value")
    return tag("div", tag("dt", say(name)), value, class_="tile bad" if bad else "tile")


def _table(caption: str, columns: Iterable[str], rows: Iterable[Markup], note: str = "", tall: bool = False) -> Markup:
    heads = [say(name) if name else "" for name in columns]
    words = join((say(caption), note))
    return scrollable(grid(words, heads, rows), f"{caption}{note}", "scroll tall" if tall else "scroll")


def _row(head: str, *cells: str, words: int = 0) -> Markup:
    """A row; its first `words` cells are prose."""
    plain = head if isinstance(head, Markup) else tag("bdi", shown(head, 120))
    written = [_cell(cell, place < words) for place, cell in enumerate(cells)]
    return tag("tr", tag("th", plain, scope="row"), *written)


def _cell(cell: str, prose: bool) -> str:
    if cell.startswith("<td") and isinstance(cell, Markup):
        return cell
    inner = cell if isinstance(cell, Markup) else tag("bdi", shown(cell, 200))
    return tag("td", inner, class_="words" if prose else None)


def _of(part: int, share: float) -> str:
    return f"{part:,} ({percent(share)})"


def _split_row(name: str, split: SplitFigures) -> Markup:
    same = split.duplicates
    return _row(
        name,
        f"{split.records:,}",
        f"{split.rejected:,}",
        ", ".join(f"{shown(lang)} {count:,}" for lang, count in split.languages.items()),
        _of(split.empty, split.empty_share),
        _of(same.exact, same.exact_share),
        _of(same.near, same.near_share),
    )


def _leakage(figures: Figures) -> Markup:
    if not figures.leakage:
        return Markup("")
    rows: list[Markup] = []
    for name, leak in figures.leakage.items():
        records, texts = figures.splits[name].records, leak.texts
        both = texts.exact + texts.near
        shares = percent(texts.exact_share + texts.near_share)
        rows.append(_row(name, say("Texts"), f"{records:,}", f"{both:,}", shares, _bar(both, records)))
        rows += [
            _row(
                name,
                say(section),
                f"{seen.items:,}",
                f"{seen.seen:,}",
                percent(seen.share),
                _bar(seen.seen, seen.items),
            )
            for section, seen in leak.items.items()
        ]
    return _table("Items that train has too", ("Split", "Section", "Items", "Seen in train", "Share", ""), rows)


def _bar(part: int, whole: int) -> Markup:
    return tag("td", bar(part / whole if whole else 0), class_="bar")


def _labels(figures: Figures) -> Markup:
    tables = [_label_table(name, section, split) for name, split in figures.splits.items() for section in split.labels]
    return tag("div", *tables, class_="grid")


def _label_table(name: str, section: str, split: SplitFigures) -> Markup:
    unknown, rare = split.unknown.get(section, {}), split.rare.get(section, {})
    labels: Mapping[str, int] = {**split.labels[section], **rare}
    most = max(labels.values(), default=0)
    rows = [
        _row(
            label or "–",
            f"{count:,}",
            _bar(count, most),
            join((say("not in the schema") if label in unknown else "", " ", say("rare") if label in rare else "")),
        )
        for label, count in labels.items()
    ]
    title = f" · {shown(name)} · {sum(labels.values()):,}"
    return _table(section, ("Label", "Items", "", "Note"), rows, title, tall=True)


def _lengths(figures: Figures) -> Markup:
    rows: list[Markup] = []
    charts: list[Markup] = []
    for name, split in figures.splits.items():
        for unit, sizes in (("characters", split.characters), ("tokens", split.tokens)):
            if sizes is None:
                continue
            over = split.over_window if unit == "tokens" else None
            cells = (f"{size:,}" for size in (sizes.p50, sizes.p90, sizes.p95, sizes.p99, sizes.max))
            last = "–" if over is None else _of(over, split.over_window_share or 0)
            rows.append(_row(name, say(unit), *cells, last))
            charts.append(histogram(name, unit, sizes, figures.max_length if unit == "tokens" else None))
    columns = ("Split", "Unit", "50", "90", "95", "99", "100", "Over the window")
    return join((_table("Sizes of the texts", columns, rows), tag("div", *charts, class_="plots")))


def _problems(figures: Figures) -> Markup:
    parts: list[Markup] = []
    for name, split in figures.splits.items():
        parts += _split_problems(name, split)
    for name, leak in figures.leakage.items():
        parts += _pairs("Texts that train has too", name, leak.texts)
    return join(parts) if parts else tag("p", say("Nothing to report."))


def _split_problems(name: str, split: SplitFigures) -> Iterable[Markup]:
    if split.rejections:
        rows = [
            _row(where, shown(why, 200), words=1) for where, _, why in (r.partition(": ") for r in split.rejections)
        ]
        yield _table("Rejected lines", ("Where", "Reason"), rows, f" · {shown(name)} · {split.rejected:,}")
    if split.missing:
        rows = [_row(m.where, say(m.section), shown(m.label), shown(m.text, 120), words=3) for m in split.missing]
        total = sum(found.missing for found in split.ungrounded.values())
        columns = ("Where", "Section", "Label", "String")
        yield _table("Strings that are not in their text", columns, rows, f" · {shown(name)} · {total:,}")
    for section, found in split.conflicts.items():
        if found.examples:
            rows = [_row(" — ".join(one.subject), _counts(one.labels), words=1) for one in found.examples]
            note = join((f" · {shown(name)} · ", say(section), f" · {_of(found.conflicting, found.share)}"))
            inside = join((note, f" · {found.in_one_text:,} ", say("in one text")))
            heading = join((say("The same string under several labels"), inside))
            inner = grid(heading, (say("String"), say("Labels")), rows)
            yield scrollable(inner, f"The same string under several labels, {section} of {shown(name)}")
    yield from _pairs("Repeated texts", name, split.duplicates)


def _counts(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{shown(label) or '–'} {count:,}" for label, count in labels.items())


def _pairs(caption: str, name: str, found: Duplicates) -> Iterable[Markup]:
    if found.examples:
        rows = [_row(pair.where, pair.same_as, f"{pair.similarity:g}", words=1) for pair in found.examples]
        note = f" · {shown(name)} · {found.exact + found.near:,}"
        yield _table(caption, ("Where", "Same as", "Similarity"), rows, note)
