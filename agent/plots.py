"""The pictures of `goldenpath flow --plot`: each as PNG and SVG, without a browser."""

from __future__ import annotations

from pathlib import Path

from agent.errors import AgentError
from agent.flow_view import FlowView


def write_plots(view: FlowView, folder: Path) -> list[Path]:
    """Writes them into the folder, which is made. Raises AgentError where it cannot be written."""
    from analytics import charts

    pictures = {
        "queue-by-group": charts.queue_by_group(view.groups if view.by not in (None, "week") else view.everything),
        "cumulative-flow": charts.cumulative_flow(view.days),
        "ageing": charts.ageing_chart(view.ageing, view.everything),
        "queue-by-week": charts.queue_trend(view.weeks),
        "arrivals": charts.arrivals(view.weeks),
    }
    try:
        return [file for name, picture in pictures.items() for file in charts.save(picture, folder, name)]
    except OSError as error:
        raise AgentError(f"the plots cannot be written into {folder}: {error.strerror or error}") from None
