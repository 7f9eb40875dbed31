"""Where everything is installed, no test may skip unseen."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# What a landing may lack: OpenTofu, and the folder of real data and vendors' contracts beside the project.
MAY_BE_ABSENT = ("tofu", "/shared/")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With GOLDENPATH_REQUIRE_ALL a skip is a failure, unless its reason names what may be absent."""
    report = yield
    if report.skipped and os.environ.get("GOLDENPATH_REQUIRE_ALL"):
        reason = str(report.longrepr)
        if not any(name in reason for name in MAY_BE_ABSENT):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} may not skip here: {reason}"
    return report
