"""One plain page of the sandbox's Jira for people: choose a persona, list, read, file, comment.

Everything is rendered here and escaped; what stands in a ticket is only ever text, and only our own script may run.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.filing import FORMS
from sandbox.jira_adf import paragraphs, to_html
from sandbox.jira_fields import Refused
from sandbox.jira_state import JiraState
from sandbox.world import FORM_FIELDS, REQUEST_TYPE_FIELD, Account, Issue, WorldComment, WorldField

PERSONAS = {
    "developer": "requests, team payments",
    "approver": "may approve",
    "outsider": "in no team",
    "oncall": "is called when the agent is stuck",
}
COOKIE = "persona"
SHOWN = 50
VIEWS = {"": "newest", "open": "open", "mine": "filed by me"}
STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
FRAME = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))

Endpoint = Callable[[Request], Awaitable[Response]]


def page_routes(state: JiraState) -> list[Route]:
    """The page's own addresses; each acts as the persona in the cookie."""
    page = Page(state)
    return [
        Route("/", page.guard(page.tickets), methods=["GET"]),
        Route("/browse/{key}", page.guard(page.read), methods=["GET"]),
        Route("/page/style.css", style, methods=["GET"]),
        Route("/page/new", page.guard(page.new), methods=["GET"]),
        Route("/page/new", page.guard(page.file), methods=["POST"]),
        Route("/page/comment/{key}", page.guard(page.comment), methods=["POST"]),
        Route("/page/persona", page.guard(page.choose), methods=["POST"]),
    ]


class Page:
    def __init__(self, state: JiraState) -> None:
        self._state = state
        self._world = state.world

    def guard(self, handler: Endpoint) -> Endpoint:
        """Refuses posts from other sites, and shows a refusal as a page."""

        async def endpoint(request: Request) -> Response:
            origin = request.headers.get("origin")
            if request.method == "POST" and origin and urlsplit(origin).netloc != request.headers.get("host"):
                return HTMLResponse("a post from another site is not taken", 403)
            try:
                return await handler(request)
            except Refused as refused:
                words = " ".join([*refused.messages, *refused.errors.values()])
                body = (
                    f'<h1>That did not work</h1><p class="error">{escape(words)}</p><p><a href="/">All tickets</a></p>'
                )
                return self._html(request, "Refused", body, refused.status)

        return endpoint

    def who(self, request: Request) -> Account:
        name = request.cookies.get(COOKIE, "")
        return self._world.accounts[name if name in PERSONAS else next(iter(PERSONAS))]

    async def choose(self, request: Request) -> Response:
        form = await _form(request)
        name, back = form.get("persona", ""), form.get("back", "/")
        if name not in PERSONAS:
            raise Refused(400, f"The personas are {', '.join(PERSONAS)}.")
        is_ours = back.startswith("/") and not back.startswith(("//", "/\\"))
        response = RedirectResponse(back if is_ours else "/", 303)
        response.set_cookie(COOKIE, name, httponly=True, samesite="strict")
        return response

    async def tickets(self, request: Request) -> Response:
        project, show = request.query_params.get("project", ""), request.query_params.get("show", "")
        who = self.who(request).account_id
        with self._state.lock:
            chosen = [
                issue
                for issue in sorted(self._world.issues.values(), key=lambda issue: issue.id, reverse=True)
                if self._state.sight.is_seen(issue, self.who(request))
                and (not project or issue.project == project)
                and (show != "open" or self._world.statuses[issue.status].category != "done")
                and (show != "mine" or issue.reporter == who)
            ]
            rows = "".join(self._row(issue) for issue in chosen[:SHOWN])
        projects = {"": "all projects"} | {key: f"{key} · {p.name}" for key, p in self._world.projects.items()}
        body = f"""<form class="bar" id="filters" method="get"><span class="soft">Show</span>
<select name="show" aria-label="Which tickets">{_options(VIEWS, show)}</select>
<select name="project" aria-label="Project">{_options(projects, project)}</select>
<noscript><button>Show</button></noscript><a class="button" href="/page/new">File a ticket</a></form>
<div id="live"><div class="card list"><table><thead><tr><th>Key</th><th>Summary</th><th>Status</th><th>Reporter</th>
<th>Created (UTC)</th></tr></thead><tbody>{rows}</tbody></table></div>
<p class="soft">{min(len(chosen), SHOWN):,} of {len(chosen):,} tickets</p></div>"""
        return self._html(request, "Tickets", body)

    def _row(self, issue: Issue) -> str:
        link = f'<a href="/browse/{issue.key}">{issue.key}</a>'
        reporter = escape(self._world.accounts[issue.reporter].name)
        return (
            f'<tr><td class="key">{link}</td><td>{escape(issue.summary)}</td><td>{self._status(issue)}</td>'
            f'<td class="who">{reporter}</td><td class="when">{when(issue.created)}</td></tr>'
        )

    def _status(self, issue: Issue) -> str:
        status = self._world.statuses[issue.status]
        return f'<span class="status {status.category}">{escape(status.name)}</span>'

    async def read(self, request: Request) -> Response:
        who = self.who(request)
        issue = self._state.find(request.path_params["key"], who)
        with self._state.lock:
            comments = "".join(map(self._comment, self._state.visible_comments(issue, who)))
            facts = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self._facts(issue))
            body = f"""<p class="soft"><a href="/">Tickets</a> / {issue.key}</p>
<div id="live"><h1>{escape(issue.summary)}</h1><p>{self._status(issue)}</p>
<div class="card"><table>{facts}</table></div>
<div class="card">{to_html(issue.description) or '<p class="soft">No description.</p>'}</div>
<h2>Comments</h2>{comments or '<p class="soft">None yet. This page looks again every few seconds.</p>'}</div>
<form method="post" action="/page/comment/{issue.key}"><label for="text">Comment as {escape(who.name)}</label>
<textarea id="text" name="text" required></textarea><p><button>Comment</button></p></form>"""
        return self._html(request, issue.key, body)

    def _facts(self, issue: Issue) -> list[tuple[str, str]]:
        accounts, fields = self._world.accounts, self._world.fields
        types = self._world.projects[issue.project].request_types
        facts = [("Type", issue.issue_type), ("Request type", types.get(issue.request_type or "", ""))]
        facts += [(fields[identity].name, value) for identity, value in issue.custom.items()]
        facts += [
            ("Reporter", accounts[issue.reporter].name),
            ("Assignee", accounts[issue.assignee].name if issue.assignee else "nobody"),
            ("Created (UTC)", when(issue.created)),
            ("Resolution", issue.resolution or ""),
        ]
        return [(name, value) for name, value in facts if value]

    def _comment(self, comment: WorldComment) -> str:
        author = self._world.accounts[comment.author]
        ours = " ours" if author.account_id == "agent" else ""
        notes = ("" if comment.public else " · internal") + (" · edited" if comment.updated != comment.created else "")
        return (
            f'<article class="card{ours}"><p><strong>{escape(author.name)}</strong> '
            f'<span class="soft">{when(comment.created)}{notes}</span></p>{to_html(comment.body)}</article>'
        )

    async def new(self, request: Request) -> Response:
        projects = "".join(
            f'<option value="{key}" data-desk="{"yes" if project.request_types else "no"}">'
            f"{escape(f'{key} · {project.name}')}</option>"
            for key, project in self._world.projects.items()
        )
        names = sorted({name for p in self._world.projects.values() for name in p.request_types.values()})
        types = {"": "not one of these"} | {name: name for name in names}
        questions = "".join(_question(self._world.fields[identity], names) for identity in FORM_FIELDS)
        body = f"""<p class="soft"><a href="/">Tickets</a> / new</p><h1>File a ticket</h1>
<form method="post" action="/page/new"><label for="project">Project</label>
<select id="project" name="project">{projects}</select>
<label for="summary">Summary</label><input id="summary" name="summary" required maxlength="255">
<label for="description">Description</label><textarea id="description" name="description"></textarea>
<fieldset id="desk-form"><legend class="soft">The service desk's form</legend><label for="type">Request type</label>
<select id="type" name="type">{_options(types, "S3 bucket")}</select><div class="two">{questions}</div></fieldset>
<p><button>File as {escape(self.who(request).name)}</button></p></form>"""
        return self._html(request, "File a ticket", body)

    async def file(self, request: Request) -> Response:
        form = await _form(request)
        project = self._world.projects.get(form.get("project", ""))
        if project is None:
            raise Refused(400, "Choose a project.")
        fields: dict[str, object] = {
            "project": {"key": project.key},
            "issuetype": {"name": "Service Request" if project.request_types else "Task"},
            "summary": form.get("summary", "").strip(),
            "description": paragraphs(form["description"]) if form.get("description", "").strip() else None,
        }
        if project.request_types and form.get("type"):
            fields[REQUEST_TYPE_FIELD] = form["type"]
            asked = FORMS.get(_kebab(form["type"]), {})
            answers = {
                identity: form.get(identity, "").strip() for identity, name in FORM_FIELDS.items() if name in asked
            }
            fields |= {identity: text for identity, text in answers.items() if text}
        issue = self._state.create(self.who(request), fields)
        return RedirectResponse(f"/browse/{quote(issue.key)}", 303)

    async def comment(self, request: Request) -> Response:
        issue = self._state.find(request.path_params["key"], self.who(request))
        text = (await _form(request)).get("text", "").strip()
        if not text:
            raise Refused(400, "A comment needs words.")
        self._state.comment(self.who(request), issue, paragraphs(text), properties={}, public=True)
        return RedirectResponse(f"/browse/{quote(issue.key)}", 303)

    def _html(self, request: Request, title: str, body: str, status: int = 200) -> Response:
        mine, nonce = self.who(request).account_id, secrets.token_urlsafe(12)
        back = (
            "/" if request.method != "GET" else request.url.path + (f"?{urlencode(request.query_params)}".rstrip("?"))
        )
        buttons = "".join(_persona_button(self._world.accounts[name], name == mine) for name in PERSONAS)
        policy = (
            f"default-src 'none'; style-src 'self'; script-src 'nonce-{nonce}'; connect-src 'self'; "
            "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        html = FRAME.substitute(
            title=escape(title), nonce=nonce, back=escape(back, quote=True), personas=buttons, body=body
        )
        return HTMLResponse(html, status, {"content-security-policy": policy, "x-content-type-options": "nosniff"})


def _persona_button(account: Account, is_chosen: bool) -> str:
    chosen = ' chosen" aria-pressed="true' if is_chosen else '" aria-pressed="false'
    role = escape(PERSONAS[account.account_id], quote=True)
    return (
        f'<button class="plain{chosen}" name="persona" value="{account.account_id}" title="{role}">'
        f"{escape(account.name)}</button>"
    )


def _options(named: Mapping[str, str], chosen: str) -> str:
    return "".join(
        f'<option value="{escape(value, quote=True)}"{" selected" if value == chosen else ""}>{escape(name)}</option>'
        for value, name in named.items()
    )


def _question(entry: WorldField, request_types: list[str]) -> str:
    """A question of the desk's form, with the request types that ask it."""
    types = escape("|".join(name for name in request_types if entry.name in FORMS.get(_kebab(name), {})), quote=True)
    if entry.options:
        answers = _options({"": ""} | {option: option for option in entry.options}, "")
        control = f'<select id="{entry.id}" name="{entry.id}">{answers}</select>'
    else:
        control = f'<input id="{entry.id}" name="{entry.id}" maxlength="255">'
    return f'<div data-types="{types}"><label for="{entry.id}">{escape(entry.name)}</label>{control}</div>'


def _kebab(name: str) -> str:
    return name.lower().replace(" ", "-")


async def style(request: Request) -> Response:
    return Response(STYLE, media_type="text/css")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a plain form post."""
    sent = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1].replace("\r\n", "\n") for name, values in sent.items()}


def when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
