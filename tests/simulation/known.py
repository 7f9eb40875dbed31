"""What is wrong in the product now: each with its shortest schedule, and how the invariant tells it.

Who mends it takes it out here; until then the plays look past these sentences.
"""

from __future__ import annotations

KNOWN: dict[str, tuple[tuple[str, ...], str]] = {
    "a reply is lost when who may ask could not be looked up": (
        ("question", "desk.groups_of@3", "busy"),
        "what_passes_changes_nothing: needs_information in place of closed",
    ),
    "a request that another process fulfils meanwhile is begun anew": (
        ("question", "desk.groups_of@3", "other"),
        "what_passes_changes_nothing: closed, conflict in place of closed",
    ),
    "a ticket that Jira refuses to show ends the turn in an error of ours": (
        ("supervised", "desk.ticket@3", "refused"),
        "only_known_errors_escape: UnboundLocalError: cannot access local variable 'fresh' where it is not associated "
        "with a value",
    ),
    "what is only shown is shown twice by two processes": (
        ("suggest", "desk.post_comment", "other"),
        "no_comment_stands_twice: OPS-101 holds the same suggestion 2 times",
    ),
}
LINES = frozenset(line for _, line in KNOWN.values())
