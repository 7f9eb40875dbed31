"""Calls a person: each way that is configured tells each call once, and is remembered by itself.

A call is told when every way was used or leads to nobody, and somebody was reached. What failed is tried again in the
next cycle, and nothing that worked is repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from agent.config import Configuration
from agent.errors import AgentError, Untellable
from agent.replies import AdfReplies
from agent.tables import OnCallTable
from fulfilment.answers import Voice
from fulfilment.errors import FulfilmentError
from fulfilment.records import Call
from tickets.errors import NotFound, TicketsError
from tickets.jira_records import Audience
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from agent.bootstrap import Rooms

log = logging.getLogger("goldenpath.calls")

SERVICE_DESK = "service_desk"
PURPOSE = "call"
# A label tells who looks for it, and notifies nobody.
REACHING = frozenset({"comment", "webhook", "mail"})


def deliver(rooms: Rooms) -> int:
    """Tells people what waits for them. Gives how many tries failed: each is logged, and made again by the next
    cycle."""
    on_call = rooms.configuration.on_call
    if on_call is None:
        return 0
    try:
        untold = rooms.ledger.calls(untold=True)
    except FulfilmentError as error:
        log.warning("nobody is called in this cycle: %s", error)
        return 1
    caller = Caller(rooms, on_call)
    return sum(caller.tell_alone(call) for call in untold)


def audience_of(on_call: OnCallTable) -> Audience | None:
    """Who sees a comment that is restricted; None where the configuration names neither group nor role."""
    if on_call.group:
        return Audience("group", on_call.group)
    return Audience("role", on_call.role) if on_call.role else None


def hold_of(call: Call) -> str:
    """What an agent holds while it tells this occasion of a call."""
    return f"call {call.occasion}"


class Caller:
    def __init__(self, rooms: Rooms, on_call: OnCallTable) -> None:
        self._rooms = rooms
        self._on_call = on_call

    def tell_alone(self, call: Call) -> int:
        """Unless another agent is telling it at this moment. Gives how many ways failed."""
        ledger, name = self._rooms.ledger, hold_of(call)
        try:
            if not ledger.hold(name):
                return 0
            now = next((one for one in ledger.calls(untold=True) if one.id == call.id), None)
            failed = 0 if now is None else self.tell(now)
            ledger.let_go(name)
        except FulfilmentError as error:
            log.warning("%s: nobody is told in this cycle: %s", _named(call), error)
            return 1
        return failed

    def tell(self, call: Call) -> int:
        """Uses each way that was not used yet. Gives how many failed."""
        failed, impossible = 0, []
        for way in self._on_call.ways:
            if way in call.ways:
                continue
            try:
                self._ways[way](call)
                call = self._rooms.ledger.told_by(call, way, at=self._rooms.client.now())
            except (Untellable, NotFound) as error:
                impossible.append(f"not by {way}: {error}")
            except (AgentError, FulfilmentError, TicketsError) as error:
                failed += 1
                log.warning("%s: nobody could be told by %s: %s", _named(call), way, error)
        return failed or self._settle(call, impossible)

    def _settle(self, call: Call, impossible: list[str]) -> int:
        """Every way was used or leads to nobody."""
        if not call.ways & REACHING:
            log.warning("%s: nobody can be told; %s", _named(call), "; ".join(impossible) or "only a label is used")
            return 0
        how = ", ".join(sorted(call.ways))
        try:
            self._rooms.ledger.told(call, how="; ".join([how, *impossible]), at=self._rooms.client.now())
        except (FulfilmentError, TicketsError) as error:
            log.warning("%s: people were told (%s), which could not be kept: %s", _named(call), how, error)
            return 1
        return 0

    @property
    def _ways(self) -> dict[str, Callable[[Call], None]]:
        return {"comment": self._comment, "label": self._label, "webhook": self._post, "mail": self._mail}

    def _comment(self, call: Call) -> None:
        ticket = self._ticket(call)
        is_desk = self._styles.get(ticket.project) == SERVICE_DESK
        audience = None if is_desk else audience_of(self._on_call)
        if not is_desk and audience is None:
            raise Untellable(
                f"{ticket.project} is no service desk and [on_call] names neither group nor role: nothing is written "
                "where everybody could read it"
            )
        Voice(self._rooms.client).say(
            ticket,
            PURPOSE,
            AdfReplies().call(call, ticket.key, self._on_call.accounts),
            request=call.request_id or "",
            about=call.occasion,
            public=False,
            only=audience,
        )

    def _label(self, call: Call) -> None:
        self._rooms.client.add_label(self._ticket(call).id, self._on_call.label)

    def _post(self, call: Call) -> None:
        from agent.call_webhook import post

        secret = self._rooms.configuration.webhook_secret()
        post(self._on_call.webhook_url, secret, call, site=self._rooms.client.site)

    def _mail(self, call: Call) -> None:
        from agent.call_mail import send

        if self._on_call.mail is not None:
            send(self._on_call.mail, self._rooms.configuration.mail_password(), call, site=self._rooms.client.site)

    def _ticket(self, call: Call) -> Ticket:
        """As it is now: it may have moved to another project."""
        if call.ticket_id is None:
            raise Untellable("it is about no ticket")
        return self._rooms.client.ticket(call.ticket_id)

    @cached_property
    def _styles(self) -> dict[str, str]:
        """Of the projects that the account sees."""
        return {facts.key: facts.style for facts in self._rooms.client.projects()}


def ways_to_go(configuration: Configuration, call: Call) -> tuple[str, ...]:
    """The ways that are configured and were not used for this call."""
    on_call = configuration.on_call
    return tuple(way for way in (on_call.ways if on_call else ()) if way not in call.ways)


def _named(call: Call) -> str:
    return call.ticket_key or f"call {call.id}"
