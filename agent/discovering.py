"""Request types of a queue that has none: found in its words, named and merged by people."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.config import Configuration
from agent.errors import ConfigurationError
from agent.labelled_file import read_labelled
from agent.said import Identity, operator, read_discovered, said_in, write_discovered
from fulfilment.ledger import Ledger
from fulfilment.records import Kind, KnownRequestType
from tickets.reading import kebab
from tickets.store import TicketStore
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from analytics.discover import DiscoveredType, Discovery, KnownType


@dataclass(frozen=True, slots=True)
class Found:
    """`tickets` are those without a given type, in the order of the discovery's assignments; `names` are what people
    call types."""

    tickets: Sequence[Ticket]
    discovery: Discovery
    names: Mapping[str, str]


def discover_store(configuration: Configuration, store: TicketStore, ledger: Ledger, *, at: datetime) -> Found:
    """Discovers types among the tickets whose type nobody gave, and keeps them. Known types keep their ids.

    Raises TooFewTexts.
    """
    from analytics.classify import label_of
    from analytics.discover import discover

    tickets = [ticket for ticket in store.tickets() if ticket.text and label_of(ticket) is None]
    found = _called_as_known(
        discover(
            [ticket.text for ticket in tickets],
            summaries=[ticket.summary for ticket in tickets],
            keys=[key_of((ticket.site, ticket.id)) for ticket in tickets],
            known=_known(configuration, ledger),
        ),
        {one.id: one.name for one in ledger.evidence.request_types()},
    )
    assigned = {
        (ticket.site, ticket.id): name
        for ticket, name in zip(tickets, found.assignments, strict=True)
        if name is not None
    }
    write_discovered(configuration, assigned)
    ledger.evidence.discovered([_record(one, assigned) for one in found.types], at)
    named = {one.id: one.name for one in ledger.evidence.request_types() if one.origin == "named"}
    return Found(tickets, found, named)


def discover_file(path: Path, *, text: str, known: Path | None) -> dict[str, Any]:
    """The types in a column of a CSV file; `known` is what an earlier call wrote, whose ids stay for the same texts."""
    from analytics.discover import discover

    read = read_labelled(path, text=text, label=None)
    found = discover(read.texts, keys=read.texts, known=_known_in(known) if known else ())
    kept: dict[str, list[str]] = {}
    for words, name in zip(read.texts, found.assignments, strict=True):
        if name is not None:
            kept.setdefault(name, []).append(words)
    return found.to_json() | {
        "texts": len(read.texts),
        "known": {name: sorted(set(kept[name])) for name in sorted(kept)},
    }


def name_type(ledger: Ledger, id: str, name: str, *, kind: Kind | None, by: str | None, at: datetime) -> str:
    """Names a discovered type; it gets the id of its name, which may be one that exists. Returns that id. Without a
    `kind` it is of the kind that the id is known to be, else a service request.

    Raises ConfigurationError for a name without letters or an unknown type.
    """
    from analytics.catalogue import APART, PORTAL_TYPES

    evidence, author = ledger.evidence, by or operator()
    stands_for = evidence.resolved()
    if id not in stands_for:
        raise ConfigurationError(unknown_type(id, stands_for))
    root = stands_for[id]
    slug = kebab(name) if kebab(name).isascii() else root
    if not slug:
        raise ConfigurationError(f"{name!r} has no letters or digits to make an id of")
    if stands_for.get(slug) == root:  # its own name, or one that it had before: no type merges into itself
        slug = root
    kinds = said_in(evidence).kinds
    known = APART.get(slug) or PORTAL_TYPES.get(slug) or kinds.get(slug) or kinds.get(root)
    evidence.name_type(slug, name, kind or (known.kind if known else "request"), by=author, at=at)
    if slug != root:
        evidence.merge_types([root], slug, by=author, at=at)
    return slug


def unknown_type(name: str, known: Collection[str]) -> str:
    """The sentence that there is none, with near ones."""
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"near ones: {', '.join(near)}" if near else f"known: {', '.join(sorted(known)) or 'none yet'}"
    return f"there is no request type {name!r}; {hint}"


def key_of(key: Identity) -> str:
    return f"{key[0]}:{key[1]}"


def _called_as_known(found: Discovery, names: Mapping[str, str]) -> Discovery:
    """A type that is known keeps its name: the one that a person gave it, or that it was found under first."""
    return replace(found, types=tuple(replace(one, name=names.get(one.id, one.name)) for one in found.types))


def _known(configuration: Configuration, ledger: Ledger) -> list[KnownType]:
    """What an earlier run found, by all of its tickets; where that is lost, by those that the ledger holds."""
    from analytics.discover import KnownType

    types = ledger.evidence.request_types()
    owner = {key: one.id for one in types for key in one.members}
    owner |= {key_of(key): name for key, name in read_discovered(configuration).items()}
    owner |= {key_of(key): name for key, name in said_in(ledger.evidence).labels().items()}  # what people say wins
    tickets: dict[str, set[str]] = {}
    for key, name in owner.items():
        tickets.setdefault(name, set()).add(key)
    return [
        KnownType(
            one.id,
            frozenset(tickets.get(one.id, ())),
            merged_into=one.merged_into,
            is_named=one.origin == "named",
        )
        for one in types
    ]


def _known_in(path: Path) -> list[KnownType]:
    from analytics.discover import KnownType

    try:
        raw = json.loads(path.read_text(encoding="utf-8"))["known"]
        return [KnownType(name, frozenset(texts)) for name, texts in raw.items()]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{path} is not what `goldenpath discover --from FILE --text COL --json` writes"
        ) from None


def _record(one: DiscoveredType, assigned: dict[Identity, str]) -> KnownRequestType:
    members = [key_of(key) for key, name in assigned.items() if name == one.id]
    return KnownRequestType(
        one.id, one.name, "request", "discovered", tuple(word for word, _ in one.words), tuple(members), one.size
    )
