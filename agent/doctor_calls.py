"""The doctor's look at who is called: whether they exist, and whether a call can be written where only they see it."""

from __future__ import annotations

from collections.abc import Iterator

from agent.calling import SERVICE_DESK, audience_of
from agent.needs import CALLING, Need
from agent.tables import OnCallTable
from agent.visit import Finding, Visit, ok, problem, skipped, warning
from fulfilment.policy import Mode
from tickets.jira_records import AccountFacts, Audience

ACCOUNTS, AUDIENCE = "on-call accounts", "on-call audience"
DOCS = "see docs/who-is-called.md"


def on_call(visit: Visit) -> Iterator[Finding]:
    """Nothing is sent anywhere."""
    table = visit.configuration.on_call
    if table is None and visit.mode < Mode.SUPERVISED:
        yield skipped("on call", "there is no [on_call], and nothing acts that could need a person")
    elif table is None:
        yield warning("on call", "there is no [on_call]: nobody is told when a request is stuck", f"add it; {DOCS}")
    else:
        yield from _accounts_and_comments(visit, table)
        yield from _elsewhere(visit, table)


def _accounts_and_comments(visit: Visit, table: OnCallTable) -> Iterator[Finding]:
    if not table.accounts:
        return
    known = {account: visit.client.known_account(account) for account in dict.fromkeys(table.accounts)}
    yield _accounts(known)
    for need in CALLING:
        if table.label or need.permission != "EDIT_ISSUES":
            yield _permitted(visit, need)
    yield from _audience(visit, table, [facts for facts in known.values() if facts is not None])


def _accounts(known: dict[str, AccountFacts | None]) -> Finding:
    cure = "correct on_call.accounts: account ids, or user names of a Data Center"
    if unknown := [account for account, facts in known.items() if facts is None]:
        return problem(ACCOUNTS, f"this Jira knows no account {', '.join(unknown)}, or does not show it to us", cure)
    if left := [facts.person.name for facts in known.values() if facts is not None and not facts.is_active]:
        return problem(ACCOUNTS, f"{', '.join(left)} is not active any more and is notified of nothing", cure)
    return ok(ACCOUNTS, f"called is {', '.join(facts.person.name for facts in known.values() if facts)}")


def _audience(visit: Visit, table: OnCallTable, called: list[AccountFacts]) -> Iterator[Finding]:
    others = [key for key in visit.seen_projects() if visit.visible[key].style != SERVICE_DESK]
    audience = audience_of(table)
    if not others:
        return
    where = ", ".join(others)
    if audience is None:
        yield warning(
            AUDIENCE,
            f"{where}: no service desk, and [on_call] names neither group nor role, so no call is written there, where "
            "everybody could read it",
            "set on_call.group or on_call.role",
        )
    elif audience.kind == "role":
        yield skipped(AUDIENCE, f"who has the role {audience.name} in {where} is told to administrators only")
    else:
        yield _members(visit, audience, called)


def _members(visit: Visit, audience: Audience, called: list[AccountFacts]) -> Finding:
    """Jira takes a comment for a group from its members alone, and shows it to them alone."""
    if visit.account is None:
        return skipped(AUDIENCE, "needs a log-in")
    cure = f"add the account to the group {audience.name}, or correct on_call.group"
    if audience.name not in visit.client.groups_of(visit.account.id):
        return problem(AUDIENCE, f"{visit.who} is not in the group {audience.name}: Jira refuses its comments", cure)
    out = [one.person.name for one in called if audience.name not in visit.client.groups_of(one.person.id)]
    if out:
        said = f"{', '.join(out)} is not in the group {audience.name} and sees no call outside service desks"
        return warning(AUDIENCE, said, cure)
    return ok(AUDIENCE, f"outside service desks only the group {audience.name} sees them")


def _permitted(visit: Visit, need: Need) -> Finding:
    """What was found out about permissions before."""
    if visit.mode < need.from_mode:
        return skipped(need.feature, f"needed only from a handler's mode `{need.from_mode.label}` on")
    if not visit.granted:
        return skipped(need.feature, "needs the permissions, which Jira does not tell")
    lacking = [key for key, granted in visit.granted.items() if not granted[need.permission]]
    if lacking:
        where = ", ".join(lacking)
        return problem(
            need.feature,
            f"{visit.who} lacks {need.title} ({need.permission}) in {where}: {need.why}",
            f"grant the account {need.title} in the permission scheme of {where}",
        )
    return ok(need.feature, f"permitted in {', '.join(visit.granted)}")


def _elsewhere(visit: Visit, table: OnCallTable) -> Iterator[Finding]:
    """Secrets can be read. Raises ConfigurationError."""
    if table.webhook_url:
        signed = "signed" if visit.configuration.webhook_secret() else "not signed, for want of a secret"
        yield ok("on-call webhook", f"calls are posted, {signed}; nothing was sent now")
    if table.mail:
        if table.mail.user and not visit.configuration.mail_password():
            cure = "set GOLDENPATH_ON_CALL_MAIL_PASSWORD or on_call.mail.password_file"
            yield problem("on-call mail", f"there is no password for {table.mail.user}", cure)
        else:
            yield ok("on-call mail", f"calls are mailed through {table.mail.host}; nothing was sent now")
