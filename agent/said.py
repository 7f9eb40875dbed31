"""What people and the ledger say about request types: corrections, merges, certificates in force."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agent import bootstrap
from agent.config import Configuration
from agent.errors import AgentError
from fulfilment.records import Audit, Certificate
from tickets.ticket import RequestType

if TYPE_CHECKING:
    from fulfilment.evidence import Evidence

Identity = tuple[str, int]
DISCOVERED_FILE = "discovered.json"


@dataclass(frozen=True, slots=True)
class Said:
    """`audits` are the newest by ticket; `stands_for` maps a type's id to that of the type that stands for it;
    `certificates` are those in force by request type; `kinds` is the site's own catalogue of types."""

    audits: Mapping[Identity, Audit] = field(default_factory=dict)
    stands_for: Mapping[str, str] = field(default_factory=dict)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    kinds: Mapping[str, RequestType] = field(default_factory=dict)

    def corrected(self, key: Identity) -> str | None:
        """What a person says that the ticket asks for."""
        audit = self.audits.get(key)
        return self.root(audit.request_type) if audit else None

    def root(self, request_type: str) -> str:
        return self.stands_for.get(request_type, request_type)

    def labels(self) -> dict[Identity, str]:
        return {key: self.root(audit.request_type) for key, audit in self.audits.items()}


def operator() -> str:
    """Who works at this command line, as the machine knows them."""
    return f"operator {getpass.getuser()}"


def said_in(evidence: Evidence) -> Said:
    return Said(
        audits={(audit.site, audit.ticket_id): audit for audit in evidence.audits()},
        stands_for=evidence.resolved(),
        certificates=evidence.in_force(),
        kinds={
            known.id: RequestType(known.id, known.name, known.kind)
            for known in evidence.request_types()
            if known.merged_into is None
        },
    )


def said_at(configuration: Configuration) -> Said:
    """Nothing where there is no ledger yet: a report needs none."""
    if not bootstrap.has_ledger(configuration):
        return Said()
    with bootstrap.open_ledger(configuration) as ledger:
        return said_in(ledger.evidence)


def fulfilled(configuration: Configuration) -> frozenset[Identity]:
    """The tickets that the agent fulfilled: it closed them itself, and nobody looked at their type."""
    if not bootstrap.has_ledger(configuration):
        return frozenset()
    with bootstrap.open_ledger(configuration) as ledger:
        return frozenset((one.site, one.ticket_id) for one in ledger.requests() if one.resource is not None)


def told_mark(configuration: Configuration) -> str:
    """Changes whenever what people say about types does."""
    said = said_at(configuration)
    return repr((sorted(said.labels().items()), sorted(said.stands_for.items()), sorted(said.kinds.items())))


def read_discovered(configuration: Configuration) -> dict[Identity, str]:
    """Ticket → the type that was discovered for it. Raises AgentError for a file that is damaged."""
    path = discovered_path(configuration)
    if not path.exists():
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {(site, int(number)): str(name) for site, numbers in raw.items() for number, name in numbers.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise AgentError(
            f"{path} is damaged ({type(error).__name__}): delete it, then `goldenpath discover` makes it anew"
        ) from None


def write_discovered(configuration: Configuration, found: Mapping[Identity, str]) -> None:
    by_site: dict[str, dict[str, str]] = {}
    for (site, number), name in sorted(found.items()):
        by_site.setdefault(site, {})[str(number)] = name
    path = discovered_path(configuration)
    partial = path.with_suffix(".partial")
    try:
        partial.write_text(json.dumps(by_site, ensure_ascii=False), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise AgentError(f"{path} cannot be written: {error.strerror}") from None


def discovered_path(configuration: Configuration) -> Path:
    return configuration.folder / DISCOVERED_FILE
