"""The doctor's questions to Jira."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from agent.doctor_calls import on_call
from agent.needs import CALLING, NEEDS, SEES_GROUPS, Need, features
from agent.visit import Check, Finding, Visit, ok, problem, skipped, warning
from fulfilment.desk import RESOLVED_AS
from fulfilment.policy import Mode
from tickets.errors import JiraError, JiraRefused, TicketsError
from tickets.jira_records import Offer

SKEW_WARNING = timedelta(seconds=60)
SKEW_PROBLEM = timedelta(minutes=5)
SERVICE_DESK = "service_desk"
RESOLUTION = "resolution"


def address(visit: Visit) -> Iterator[Finding]:
    settings = visit.client.settings
    try:
        facts = visit.client.facts()
    except JiraRefused:
        visit.is_answering = True  # it told us to log in: the account's check says what is wrong
        yield ok("address", f"Jira answers at {settings.url}; its version is told after a log-in")
        return
    visit.is_answering = True
    yield ok("address", f"{settings.url} is Jira {facts.deployment} {facts.version} {facts.title}".rstrip())
    own = urlsplit(facts.base_url).hostname
    if own and own != urlsplit(settings.url).hostname:
        yield warning(
            "address",
            f"the site calls itself {facts.base_url}, not {settings.url}",
            "set jira.url to the site's own address, and jira.api_url to the one that is called if they differ",
        )


def clock(visit: Visit) -> Iterator[Finding]:
    skew = visit.client.now() - visit.now()
    seconds = abs(skew.total_seconds())
    if seconds <= SKEW_WARNING.total_seconds():
        yield ok("clock", f"this machine's clock is within {max(2, round(seconds))} s of Jira's")
        return
    side = "behind" if skew > timedelta() else "ahead of"
    told = warning if seconds <= SKEW_PROBLEM.total_seconds() else problem
    yield told(
        "clock",
        f"this machine's clock is {_span(seconds)} {side} Jira's; AWS refuses calls that are more than 5 minutes off",
        "keep it set by NTP, for example with `timedatectl set-ntp true`; for a sandbox this is its own clock",
    )


def account(visit: Visit) -> Iterator[Finding]:
    person = visit.client.check()
    visit.account = person
    yield ok("account", f"{person.name} ({person.id}) is logged in")


def time_zone(visit: Visit) -> Iterator[Finding]:
    zone = visit.client.time_zone() or "not told"
    yield ok("time zone", f"the account's is {zone}; it never matters to a search, which uses epoch milliseconds")


def projects(visit: Visit) -> Iterator[Finding]:
    visit.visible = {facts.key: facts for facts in visit.client.projects()}
    for key in visit.policy.projects:
        facts = visit.visible.get(key)
        if facts is not None:
            yield ok(f"project {key}", f"{facts.name} ({facts.style.replace('_', ' ')})")
        else:
            known = ", ".join(sorted(visit.visible)) or "none"
            yield problem(
                f"project {key}",
                f"{visit.who} does not see it; visible are: {known}",
                f"grant Browse projects (BROWSE_PROJECTS) in {key} to the account, or correct jira.projects",
            )


def fields(visit: Visit) -> Iterator[Finding]:
    catalogue = visit.client.catalogue()
    has_desk = any(visit.visible[key].style == SERVICE_DESK for key in visit.seen_projects())
    for name, identity, lost in (
        ("request type", catalogue.request_type, "request types can only be learned from text"),
        ("channel", catalogue.channel, "tickets that came by mail are told by their property alone"),
        ("service levels", ", ".join(catalogue.slas) or None, "no service level agreement is kept here"),
    ):
        if identity is not None:
            yield ok(f"field {name}", f"it is {identity}")
        elif has_desk and name == "request type":
            yield warning(f"field {name}", f"this site shows no such field: {lost}", _see_the_field(visit))
        else:
            yield ok(f"field {name}", f"this site has none: {lost}")
    known = {name.casefold() for name in catalogue.custom.values()}
    for handler in visit.policy.handlers.values():
        missing = [f"{slot} = {name!r}" for slot, name in handler.fields.items() if name.casefold() not in known]
        if missing:
            yield problem(
                f"fields of {handler.name}",
                f"this Jira has no such field, or {visit.who} may not see it: {', '.join(missing)}",
                f"correct handlers.{handler.name}.fields; allowed: {', '.join(sorted(catalogue.custom.values()))}",
            )
        elif handler.fields:
            yield ok(f"fields of {handler.name}", f"all {len(handler.fields)} exist")


def _see_the_field(visit: Visit) -> str:
    return f"let {visit.who} see the field of the service desk projects (field configuration, and a licence for them)"


def transitions(visit: Visit) -> Iterator[Finding]:
    """One finding for each visible project, whatever became of the one before."""
    if not list(visit.seen_projects()):
        yield skipped("transitions", "needs a project that the account sees")
    for key in visit.seen_projects():
        try:
            yield _transition(visit, key)
        except TicketsError as error:
            yield problem(f"transition in {key}", str(error), "see docs/what-the-account-needs.md")


def _transition(visit: Visit, key: str) -> Finding:
    """From the newest open ticket's status: what Jira offers depends on the ticket, so no ticket tells nothing."""
    name, target = f"transition in {key}", visit.policy.projects[key]
    if visit.mode is Mode.OFF:
        return skipped(name, "no handler is on: no ticket is moved")
    ticket = visit.client.latest_open(key)
    if ticket is None or not ticket.is_open:
        visit.untold.add(key)
        return skipped(name, f"cannot tell: {key} has no open ticket that Jira could be asked about")
    offers = visit.client.offers(ticket.id)
    wanted = [offer for offer in offers if offer.to_status.casefold() == target.casefold()]
    usable = next((offer for offer in wanted if not _others(offer)), None)
    if usable is None:
        told = problem if visit.mode >= Mode.SUPERVISED else warning
        return told(name, _no_way(ticket.key, target, offers, wanted), _way_out(key))
    if usable.required:
        visit.resolving.add(key)
    asked = ", which asks for a resolution" if usable.required else ""
    return ok(name, f"{ticket.key}: {usable.name} leads to {target}{asked}")


def _others(offer: Offer) -> list[str]:
    """The fields that it asks for and that we do not fill."""
    found = [name for identity, name in offer.required.items() if identity != RESOLUTION]
    known = [name.casefold() for name in offer.resolutions]
    if RESOLUTION in offer.required and known and RESOLVED_AS.casefold() not in known:
        found.append(f"another resolution than {RESOLVED_AS} ({', '.join(offer.resolutions)})")
    return found


def _no_way(ticket: str, target: str, offers: Collection[Offer], wanted: Collection[Offer]) -> str:
    if wanted:
        asked = "; ".join(f"{offer.name} also asks for {', '.join(_others(offer))}" for offer in wanted)
        return f"{ticket} cannot be moved to {target}: {asked}"
    offered = ", ".join(f"{offer.name} → {offer.to_status}" for offer in offers)
    return f"{ticket} cannot be moved to {target}: Jira offers " + (offered or "this account no transition at all")


def _way_out(key: str) -> str:
    return (
        f"set projects.{key}.target_status to a status that is offered, or let the workflow lead there with no other "
        "required field than the resolution, and grant Transition issues (TRANSITION_ISSUES)"
    )


def permissions(visit: Visit) -> Iterator[Finding]:
    """One finding per feature, over all projects that are visible."""
    granted: dict[str, dict[str, bool]] = {}
    names = [*(need.permission for need in NEEDS), *(need.permission for need in CALLING)]
    for key in visit.seen_projects():
        granted[key] = visit.granted[key] = visit.client.permissions(names, project=key)
    granted[""] = visit.client.permissions([need.permission for need in NEEDS if need.scope == "site"])
    for feature in features():
        yield _feature(visit, feature, [need for need in NEEDS if need.feature == feature], granted)


def _feature(visit: Visit, feature: str, needs: list[Need], granted: dict[str, dict[str, bool]]) -> Finding:
    first, seen = needs[0], list(visit.seen_projects())
    if visit.mode < first.from_mode:
        return skipped(feature, f"needed only from a handler's mode `{first.from_mode.label}` on")
    if first.scope == "project" and not seen:
        return skipped(feature, "needs a project that the account sees")
    lacking: list[tuple[Need, list[str]]] = []
    unsure: list[str] = []
    for need in needs:
        places = [place for place in ([""] if need.scope == "site" else seen) if not granted[place][need.permission]]
        if need.resolving:
            unsure = [place for place in places if place in visit.untold]
            places = [place for place in places if place in visit.resolving]
        if places:
            lacking.append((need, places))
    if lacking:
        said = " and ".join(f"{need.title} ({need.permission}){_in(places)}" for need, places in lacking)
        why = "; ".join(need.why for need, _ in lacking)
        return problem(feature, f"{visit.who} lacks {said}: {why}", _grant(lacking))
    if unsure:
        said = f"Resolve issues (RESOLVE_ISSUES){_in(unsure)}, and no open ticket tells whether it is needed there"
        return warning(feature, f"{visit.who} lacks {said}", _grant([(needs[-1], unsure)]))
    return ok(feature, f"permitted{' on the site' if first.scope == 'site' else _in(seen)}")


def _in(places: list[str]) -> str:
    return f" in {', '.join(places)}" if any(places) else ""


def _grant(lacking: list[tuple[Need, list[str]]]) -> str:
    ways = [
        f"{need.title} in the permission scheme of {', '.join(places)}"
        if need.scope == "project"
        else f"the global permission {need.title} (System → Global permissions)"
        for need, places in lacking
    ]
    return f"grant the account {', and '.join(ways)}"


def groups(visit: Visit) -> Iterator[Finding]:
    """A real look-up: a token's scopes may allow less than the account's permissions."""
    if visit.mode < Mode.SHADOW or visit.account is None:
        yield skipped("groups", "no handler is on: no group is looked up")
        return
    found = visit.client.groups_of(visit.account.id)
    yield ok("groups", f"groups can be looked up; {visit.who} is in {len(found)}")


def members(visit: Visit) -> Iterator[Finding]:
    """One finding over all groups: who is in them decides whose working hours count, in any mode."""
    named = visit.configuration.team_groups()
    if not named:
        yield skipped("members", "no team has a group: every requester has the default calendar")
        return
    unread: dict[str, str] = {}
    accounts: set[str] = set()
    for group in named:
        try:
            accounts |= visit.client.group_members(group)
        except JiraError as error:
            unread[group] = str(error)
    if unread:
        yield warning(
            "members",
            f"the members of {', '.join(unread)} cannot be read, so the business time of requesters in them is counted "
            f"by the default calendar: {next(iter(unread.values()))}",
            f"grant the account {SEES_GROUPS}, or correct teams.NAME.groups",
        )
    else:
        yield ok("members", f"the members of {', '.join(named)} can be read: {len(accounts)} accounts")


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


JIRA_CHECKS: tuple[Check, ...] = (
    Check("address", address, "a token", "check jira.url and the network"),
    Check("clock", clock, "an answer from Jira", "check what stands between this machine and Jira"),
    Check("account", account, "an answer from Jira", "put a valid token where jira.token_file points"),
    Check("time zone", time_zone, "a log-in", "see the account's profile"),
    Check("projects", projects, "a log-in", "correct jira.projects"),
    Check("fields", fields, "a log-in", "let the account see the site's fields"),
    Check("transitions", transitions, "a log-in", "see docs/what-the-account-needs.md"),
    Check("permissions", permissions, "a log-in", "see docs/what-the-account-needs.md"),
    Check(
        "groups", groups, "a log-in", "grant Browse users and groups (USER_PICKER), or the token's scope read:jira-user"
    ),
    Check("members", members, "a log-in", f"grant the account {SEES_GROUPS}"),
    Check("on call", on_call, "a log-in", "see docs/who-is-called.md"),
)
