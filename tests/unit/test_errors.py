"""Every room's errors are the tree that its module draws."""

from __future__ import annotations

import importlib
import inspect
import re
from types import ModuleType

import pytest

ROOMS = ("tickets", "fulfilment", "analytics", "agent")
_DRAWN = re.compile(r"(?P<lead>(?:[│ ]   )*(?:[├└]── )?)(?P<name>[A-Z][A-Za-z]+)(?: .*)?")


def drawn(module: ModuleType) -> dict[str, str]:
    """Name to parent's name, as the docstring draws them; the root's parent is `Exception`."""
    above: list[str] = ["Exception"]
    tree: dict[str, str] = {}
    for line in (module.__doc__ or "").splitlines()[1:]:
        if found := _DRAWN.fullmatch(line):
            depth = len(found["lead"]) // 4
            del above[depth + 1 :]
            tree[found["name"]] = above[depth]
            above.append(found["name"])
    return tree


@pytest.mark.parametrize("room", ROOMS)
def test_the_tree_is_the_one_that_is_drawn(room: str) -> None:
    module = importlib.import_module(f"{room}.errors")
    classes = {name: c for name, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__}
    assert {name: c.__bases__[0].__name__ for name, c in classes.items()} == drawn(module)
    for name, made in classes.items():
        assert made.__doc__, f"{name} says nothing"
