"""The report as text, Markdown, JSON and a page: whole, well formed, and safe whatever tickets say."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from agent.clean_text import clean
from agent.errors import AgentError, ConfigurationError
from agent.operations import QueueView
from agent.report_files import ENDINGS, FORMATS, Format, check_place, format_of, ranking_of, rendered, write
from agent.report_markdown import code, plain, table
from agent.report_printing import print_report, spark
from analytics.top_records import Week
from tests.unit.reporting import JIRA, MONDAY, queue, request, view_of
from tickets.ticket import FormField, Ticket

NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b | c",
    "`; rm -rf` **bold** [x](javascript:alert(1)) @team #1",
    "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd",
    "x" * 10_000,
    "\x1b[31mred\x1b[0m\r\n# heading\n| a |",
    "half & \"quoted\" 'x'",
    "https://evil.example www.evil.example",
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> QueueView:
    form = (FormField("customfield_1", "Database size", "large"),)
    tickets = [
        *queue([("database", 40), ("s3-bucket", 9), ("vpn-access", 9), ("dns-record", 1)]),
        *(request(500 + n, "database", week=n, waited=50, form=form, description="Engine: x") for n in range(8)),
        request(600, "database", week=3, waited=None, summary="the one that waits", worked=2.0),
        request(601, "bug", week=2),
    ]
    return view_of(tmp_path_factory.mktemp("report"), tickets)


def hostile_tickets() -> list[Ticket]:
    """Every hostile text as summary, as request type, as ticket type and as the name of a field."""
    return [
        request(
            1 + number,
            text if number % 2 else None,
            week=number % 10,
            waited=20.0 + number,
            summary=text,
            description=f"{text}\nRegion: {text}",
            form=(FormField("customfield_1", text, text),),
            ticket_type=text,
            key=f"OPS-{number}" if number % 3 else text,
        )
        for number, text in enumerate(HOSTILE * 6)
    ]


class Page(HTMLParser):
    """What a browser would make of it."""

    VOID = frozenset(("meta", "br", "path", "rect"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.headings: list[int] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def assert_is_safe(page: str, *, links: str = "https://jira.test/browse/") -> Page:
    """No script, no request, nothing that acts; links lead to Jira alone."""
    read = Page(page)
    assert not {"script", "iframe", "object", "embed", "link", "img", "form", "base", "image", "use"} & set(read.tags)
    assert all(value.startswith(links) for value in read.values("href"))
    assert not read.values("src") + read.values("xlink:href")
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    assert not re.search(r"url\((?!#)", page) and "@import" not in page
    assert len(page) < 500_000
    return read


def test_every_format_tells_every_type_and_caveat(view: QueueView) -> None:
    for form in FORMATS:
        text = rendered(view, form, now=NOW)
        assert text.endswith("\n")
        shown = " ".join(re.sub(r"\\(.)", r"\1", text).split()) if form != "json" else text
        for words in ("database", "s3-bucket", "vpn-access", "Database size", "the one that waits", "OPS-600"):
            assert words in shown, (form, words)
        assert "https://jira.test/browse/OPS-600" in text
        for caveat in view.report.caveats:
            assert caveat in shown
        assert "hourly cost" in shown and "blocked share" in shown


def test_the_page_is_whole_and_safe(view: QueueView) -> None:
    page = assert_is_safe(rendered(view, "html", now=NOW))
    assert ("html", "lang", "en") in page.attributes
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert page.tags["svg"] == 4  # the ranking, and the weeks of three types
    assert page.values("role").count("img") == 4
    assert len([label for tag, name, label in page.attributes if tag == "svg" and name == "aria-label" and label]) == 4
    assert page.tags["th"] == len([1 for tag, name, _ in page.attributes if tag == "th" and name == "scope"])
    assert len(page.values("id")) == len(set(page.values("id")))
    assert "NOT PROVEN COMPLETE" in " ".join(page.texts)


def test_the_pictures_are_well_formed(view: QueueView) -> None:
    drawn = re.findall(r"<svg.*?</svg>", rendered(view, "html", now=NOW), flags=re.DOTALL)
    texts = [" ".join(ElementTree.fromstring(one).itertext()) for one in drawn]
    assert "1. database" in texts[0] and "the other type" in texts[0]
    assert "tickets requested in each week" in texts[1] and "median queue time" in texts[1]


def test_the_same_view_gives_the_same_text(view: QueueView) -> None:
    for form in FORMATS:
        assert rendered(view, form, now=NOW) == rendered(view, form, now=NOW)


def test_json_is_one_document_without_infinity(view: QueueView) -> None:
    document = json.loads(rendered(view, "json"), parse_constant=pytest.fail)
    first = document["top_requests"][0]
    assert first["request_type"] == "database"
    assert first["handler"] is None
    longest = first["exemplar_tickets"][0]
    assert longest.pop("waited_business_hours") > 200
    assert longest == {
        "site": "jira.test",
        "ticket_id": 600,
        "key": "OPS-600",
        "is_open": True,
        "summary": "the one that waits",
        "url": "https://jira.test/browse/OPS-600",
    }
    assert first["exemplars"] == [one["key"] for one in first["exemplar_tickets"]]
    assert [one["name"] for one in first["parameters"]] == ["Database size", "Engine"]
    assert first["parameters"][0]["share"] == pytest.approx(8 / 29)
    assert first["probability_in_top"] == 1
    assert len(first["weeks"]) == 26
    assert set(document["definition"]) <= set(first)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("has_types", [True, False])
def test_hostile_words_stay_words(form: Format, has_types: bool, tmp_path: Path) -> None:
    tickets = hostile_tickets()
    told = view_of(tmp_path, tickets if has_types else tickets[::2], count=50)
    assert len(told.report.entries) == 4
    text = rendered(told, form, now=NOW)
    if form == "json":
        json.loads(text)
        return
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert "x" * 200 not in text
    if form == "html":
        assert_is_safe(text)
    if form == "md":
        outside = re.sub(r"`[^`\n]*`", "", text)
        assert not re.search(r"<|(?<!\\)\*\*bold|javascript|@team|evil|# heading", outside)
        rows = [re.sub(r"\\\|", "", line) for line in text.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in rows} <= {12, 4}


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a  b\n\tc", "a b c"),
        ("\x1b[31mred\x07", "[31mred"),
        ("\u202eabc\u2066\u200f", "abc"),
        ("\ud800x", "x"),
        ("x" * 200, "x" * 139 + "…"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\x00", ""),
    ],
)
def test_clean_words(words: str, shown: str) -> None:
    assert clean(words) == shown


def test_markdown_escapes() -> None:
    assert plain("a_b *c* <d> [e](f) #1 | x") == r"a\_b \*c\* \<d\> \[e\](f) \#1 \| x"
    assert plain("- 95 % of it: https://x.example, www.x.example") == (
        r"\- 95 % of it: https\://x.example, www\.x.example"
    )
    assert code("a`b") == "`aˋb`"
    assert code(" ") == ""
    assert table(["a"], [["`x|y`"]]) == "| a |\n| --- |\n| `x\\|y` |"


def test_without_tickets_of_ours_there_are_no_links(tmp_path: Path) -> None:
    tickets = queue([("database", 40), ("vpn-access", 9)])
    for toml in ("", JIRA.replace("jira.test", "other.test")):
        told = view_of(tmp_path, tickets, toml=toml)
        assert "browse/" not in "".join(rendered(told, form, now=NOW) for form in FORMATS)


def test_what_not_everybody_may_see_is_not_told(tmp_path: Path) -> None:
    tickets = [
        request(1, "s3-bucket", waited=None, summary="the merger", security="Board only"),
        request(2, "s3-bucket"),
    ]
    told = view_of(tmp_path, tickets, toml=JIRA + '[handlers.s3-bucket]\nmode = "shadow"\n')
    texts = [rendered(told, form, now=NOW) for form in FORMATS]
    assert all("OPS-1" in text and "merger" not in text for text in texts)
    assert "the golden path s3-bucket (mode: shadow)" in texts[0]


def test_without_words_nothing_is_made_up(tmp_path: Path) -> None:
    told = view_of(tmp_path, [request(n, "database", week=n, summary="", description="") for n in range(9)])
    text = rendered(told, "text", now=NOW)
    assert "nothing that returns in the newest 9 tickets" in text
    assert re.search(r"handler +none\n", text)
    assert_is_safe(rendered(told, "html", now=NOW))


@pytest.mark.parametrize(
    "tickets",
    [
        [request(1, "bug")],
        [request(1, "database", waited=None)],
        [request(1, "database"), request(2, "database")],
        [request(1, None, ticket_type="Task")],
        [request(1, "database", status_changes=None)],
    ],
    ids=["no requests", "one that waits", "one week", "no types", "no history"],
)
@pytest.mark.parametrize("rank_by", ["waiting", "touch", "count"])
def test_little_is_a_report_too(tickets: list[Ticket], rank_by: str, tmp_path: Path) -> None:
    told = view_of(tmp_path, tickets, rank_by=rank_by, count=50)
    for form in FORMATS:
        text = rendered(told, form, now=NOW)
        assert not re.search(r"\bnan\b|\binf\b|None\b", text), form
    assert_is_safe(rendered(told, "html", now=NOW))


def test_a_line_of_weeks() -> None:
    weeks = [Week(MONDAY, 1, hours) for hours in (8.0, 4.0, None, float("inf"), 0.0)]
    assert spark(tuple(weeks)).startswith("█▅·↑▁  up to 8.0 h, 5 weeks to that of 2026-01-05")
    assert spark(()) == spark((Week(MONDAY, 0, None),)) == "unknown"


def test_narrow_terminals_get_fewer_columns(view: QueueView) -> None:
    written = io.StringIO()
    print_report(view, Console(file=written, width=60, highlight=False, color_system=None), now=NOW)
    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert "how sure" in written.getvalue()


@pytest.mark.parametrize(
    ("named", "file", "expected"),
    [
        (None, None, "text"),
        ("md", None, "md"),
        (None, "a.html", "html"),
        (None, "a.HTM", "html"),
        (None, "a.b.markdown", "md"),
        (None, "a.txt", "text"),
        ("json", "a.html", "json"),
    ],
)
def test_the_format_is_named_or_guessed(named: str | None, file: str | None, expected: str) -> None:
    assert format_of(named, Path(file) if file else None) == expected


@pytest.mark.parametrize(("named", "file"), [("xml", None), (None, "a.xml"), (None, "html"), (None, "-")])
def test_what_is_no_format_is_refused_with_what_is(named: str | None, file: str | None) -> None:
    with pytest.raises(ConfigurationError, match="html"):
        format_of(named, Path(file) if file else None)


def test_what_is_no_ranking_is_refused_with_what_is() -> None:
    assert ranking_of("touch") == "touch"
    with pytest.raises(ConfigurationError, match="allowed: waiting, touch, count"):
        ranking_of("age")


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    write(file, "one")
    write(file, "two \ud800")
    assert file.read_text(encoding="utf-8") == "two ?"
    assert list(tmp_path.iterdir()) == [file]
    for place, words in ((tmp_path, "it is a folder"), (tmp_path / "none" / "a.html", "there is no folder")):
        with pytest.raises(AgentError, match=words) as raised:
            write(place, "x")
        assert str(place) in str(raised.value)
        with pytest.raises(AgentError, match=words):
            check_place(place)
    long = tmp_path / ("x" * 300 + ".html")
    with pytest.raises(AgentError, match="cannot be written"):
        write(long, "x")
    assert list(tmp_path.iterdir()) == [file]


def test_every_format_has_an_ending() -> None:
    assert set(ENDINGS) == set(FORMATS)
    assert all(format_of(None, Path(f"x{ending}")) == form for form, ending in ENDINGS.items())
