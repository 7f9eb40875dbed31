"""Cuts a failing story down: steps are left out for as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable

from tests.truth.story import Story


def shrink(story: Story, fails: Callable[[Story], bool], *, tries: int = 150) -> Story:
    """A story with fewer steps that still fails, after at most so many plays: halves first, then ever smaller parts."""
    size = max(1, len(story.steps) // 2)
    while tries > 0:
        start, is_smaller = 0, False
        while start < len(story.steps) and tries > 0:
            shorter = story.with_steps(story.steps[:start] + story.steps[start + size :])
            tries -= 1
            if fails(shorter):
                story, is_smaller = shorter, True
            else:
                start += size
        if size == 1 and not is_smaller:
            break
        size = max(1, size // 2)
    return story
