"""The words of every answer in a ticket. Ticket text stays plain text: never a link, a mention or markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime

from fulfilment.desk import Adf, Reading
from fulfilment.plan import Plan
from fulfilment.records import Call
from tickets.adf import bullets, code, code_block, doc, mention, table, text
from tickets.adf import paragraph as block

MOST_STEPS_SHOWN = 20
_OPENING = "Hello, this is Golden Path, the automation of your platform team."


class AdfReplies:
    """`fulfilment.desk.Replies` in Atlassian Document Format, from our own nodes."""

    def question(
        self,
        understood: Sequence[Reading],
        missing: Mapping[str, str],
        contradictions: Mapping[str, Sequence[str]],
        invalid: Mapping[str, str],
    ) -> Adf:
        """What is still needed, as lines to copy; what was understood, each with the words that gave it."""
        blocks = [_say(_OPENING, " ", _lead(len(missing) + len(contradictions) + len(invalid)))]
        if invalid:
            blocks.append(_say("This cannot be used as it stands:"))
            blocks.append(bullets([_line(title, wrong) for title, wrong in invalid.items()]))
        if contradictions:
            blocks.append(_say("The ticket says more than one thing here. Which one holds?"))
            blocks.append(bullets([_clash(title, values) for title, values in contradictions.items()]))
        if lines := {**missing, **dict.fromkeys(invalid, "…")}:
            blocks.append(_say("Please answer with these lines, filled in:"))
            blocks.append(code_block("\n".join(_line(title, allowed) for title, allowed in lines.items())))
        blocks.extend(_understood(understood))
        blocks.append(_say("Answer in a comment here; nothing is made before that, and nothing is lost."))
        return doc(*blocks)

    def split(self, wishes: Sequence[str]) -> Adf:
        named = ", ".join(_plain(wish) for wish in wishes)
        return doc(
            _say(_OPENING, " This ticket asks for more than one thing, so I have not started on any of it."),
            _say("Besides the main request it asks for: ", text(named, strong=True), "."),
            _say(
                "Please file one ticket for each and leave one wish in this one: each is then done as soon "
                "as it can be. If it has to stay together, say so here, and a person takes it."
            ),
        )

    def proposal(self, plan: Plan, understood: Sequence[Reading], code: str, approvers: str, why: str) -> Adf:
        """A plan that waits for a person: the whole text `approve CODE` approves it."""
        return doc(
            _say(_OPENING, " Everything I need is here. This is what I would do: ", _plain(plan.summary)),
            *_plan(plan),
            *_understood(understood),
            _say("It waits for a yes, because ", _sentence(why)),
            _say("To approve, ", text(_plain(approvers), strong=True), " adds a comment that says only this:"),
            code_block(f"approve {_plain(code)}"),
            _say("The code is for exactly this plan. If the ticket is edited, it lapses and I post a new plan."),
        )

    def suggestion(self, plan: Plan, understood: Sequence[Reading]) -> Adf:
        return doc(
            _say(_OPENING, " A suggestion for whoever takes this ticket: ", _plain(plan.summary)),
            *_plan(plan),
            *_understood(understood),
            _say("I have changed nothing. The ticket stays with the team."),
        )

    def refusal(self, reasons: Sequence[str], instead: Sequence[str]) -> Adf:
        blocks = [
            _say(_OPENING, " I cannot do this as it is asked:"),
            bullets(_texts(reasons) or [_NO_REASON]),
        ]
        if instead:
            blocks.append(_say("This would be possible:"))
            blocks.append(bullets(_texts(instead)))
            blocks.append(_say("Change the ticket accordingly and I look at it again."))
        blocks.append(_say("If you need it exactly as asked, a person of the platform team decides."))
        return doc(*blocks)

    def result(self, plan: Plan, understood: Sequence[Reading]) -> Adf:
        opening = (
            _say("Done. ", _plain(plan.summary))
            if plan.steps
            else _say("This is already there, so nothing had to be made. ", _plain(plan.summary))
        )
        blocks = [
            opening,
            _say("It is called ", code(_plain(plan.resource)), ", in ", code(_plain(plan.region)), "."),
        ]
        if plan.usage:
            blocks.append(_say("How to use it:"))
            blocks.append(code_block("\n".join(_plain(line, most=400) for line in plan.usage)))
        blocks.extend(_understood(understood))
        blocks.append(_say(f"Expected cost: {_money(plan.monthly_cost)}. If something is not right, say so here."))
        return doc(*blocks)

    def voided(self, why: str) -> Adf:
        return doc(
            _say(
                text("The plan above no longer holds", strong=True),
                ", and its code approves nothing: ",
                _sentence(why),
            ),
            _say("I look at the ticket again as it stands now. Nothing was made."),
        )

    def undone(self, resource: str) -> Adf:
        return doc(
            _say("What had been made before it failed was taken away again: ", code(_plain(resource)), "."),
            _say("Nothing is left of it, and the name is free."),
        )

    def reminder(self, plan: Plan, ends_at: datetime) -> Adf:
        return doc(
            _say(code(_plain(plan.resource)), f" was made for a limited time, which ends on {ends_at:%Y-%m-%d}."),
            _say(
                "After that day I propose to take it away. An approver has to say yes, and what is in use stays: "
                "so move what you still need, or tell your platform team that it must stay."
            ),
        )

    def retirement(self, plan: Plan, code: str, approvers: str) -> Adf:
        return doc(
            _say("The time of ", text(_plain(plan.resource), strong=True), " is over. This is what I would do:"),
            bullets([_plain(step.sentence, most=300) for step in plan.steps] or ["Nothing: it is gone already."]),
            _say("To approve, ", text(_plain(approvers), strong=True), " adds a comment that says only this:"),
            code_block(f"approve {_plain(code)}"),
            _say("Without a yes it stays, and I ask the platform team what is to become of it."),
        )

    def retired(self, plan: Plan) -> Adf:
        return doc(_say("Its time was over, and it was taken away: ", code(_plain(plan.resource)), "."))

    def trouble(self, sentence: str) -> Adf:
        return doc(
            _say("Something did not go as planned: ", _sentence(sentence)),
            _say("I have stopped here, and people of the platform team look at it. You need not do anything."),
        )

    def call(self, call: Call, key: str, accounts: Sequence[str]) -> Adf:
        """For the team's eyes only: who is called, why, and the commands that show it and end it. `accounts` are those
        of the configuration: nobody else is mentioned."""
        called = [node for one in dict.fromkeys(accounts) for node in (mention(one), text(" "))]
        return doc(
            block(*called),
            _say(text("Golden Path needs a person", strong=True), ": ", _sentence(call.reason)),
            _say("To look at: ", _sentence(call.look_at)),
            code_block("\n".join(look_and_settle(call, key))),
            _say("Only the team sees this comment. The label stays until somebody takes it away."),
        )


def look_and_settle(call: Call, key: str) -> tuple[str, ...]:
    """The commands that show what a call is about, and those that end it in every state; `look_at` names what else may
    be done."""
    shown = (f"goldenpath ledger show {key}",) if key else ()
    resumed = (f"goldenpath requests resume {call.request_id}",) if call.request_id else ()
    return (*shown, *resumed, f"goldenpath settle {call.id}")


def plain_sentence(words: str) -> str:
    """One line of plain text that nothing takes for a mention, a link or a header."""
    return _sentence(words)


_NO_REASON = "It is outside what this golden path offers."


def _say(*parts: Adf | str) -> Adf:
    """A paragraph of plain words and our own nodes."""
    return block(*(text(part) if isinstance(part, str) else part for part in parts))


def _lead(count: int) -> str:
    answers = "one answer is" if count == 1 else f"{count} answers are"
    return f"I can do this for you; {answers} still needed."


def _clash(title: str, values: Sequence[str]) -> str:
    return f"{_plain(title)}: " + " or ".join(f"“{_plain(value)}”" for value in values) + "?"


def _line(title: str, allowed: str) -> str:
    return f"{_plain(title)}: {_plain(allowed, most=400)}"


def _understood(readings: Sequence[Reading]) -> list[Adf]:
    """A table of what was understood: value and the words that gave it."""
    if not readings:
        return []
    rows = [
        (_plain(reading.slot).replace("_", " ").capitalize(), code(_plain(reading.value)), _origin(reading))
        for reading in readings
    ]
    return [_say("What I understood:"), table(("What", "Value", "From your words"), rows)]


def _origin(reading: Reading) -> str:
    words, rule = _plain(reading.words), _plain(reading.rule)
    return f"“{words}” ({rule})" if words.strip() else rule


def _plan(plan: Plan) -> list[Adf]:
    """The steps, where, and the cost."""
    shown = [_plain(step.sentence, most=300) for step in plan.steps[:MOST_STEPS_SHOWN]]
    if len(plan.steps) > MOST_STEPS_SHOWN:
        shown.append(f"and {len(plan.steps) - MOST_STEPS_SHOWN} more steps")
    place = _say(
        "Where: environment ", code(_plain(plan.environment)), ", region ", code(_plain(plan.region)),
        f". Expected cost: {_money(plan.monthly_cost)}.",
    )  # fmt: skip
    return [bullets(shown or ["Nothing to do: it is already there."]), place]


def _money(amount: float) -> str:
    return f"about {amount:,.2f} US dollars a month" if amount >= 0.005 else "next to nothing while it is empty"


def _sentence(words: str) -> str:
    plain = _plain(words, most=600)
    return plain if plain.endswith((".", "!", "?")) else f"{plain}."


def _texts(items: Sequence[str]) -> list[str]:
    return [_plain(item, most=600) for item in items]


def _plain(words: str, *, most: int = 200) -> str:
    """One line of plain text, at most `most` characters: no control, direction or invisible characters, and
    nothing that a renderer could take for a mention or a link."""
    clean = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") else char
        for char in " ".join(words[: most * 4].split())
    )
    clean = re.sub(r"\b(https?|ftp|javascript|data|mailto|file):", r"\1 :", clean, flags=re.I)
    clean = clean.replace("[~", "[ ~").replace("@", "(at)").replace("|http", "| http")
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
