"""One plain page of the sandbox's Jira for people: choose a persona, list, read, file, comment.

Plain HTML rendered here, everything escaped; what stands in a ticket is only ever text.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.jira_state import Refused, paragraphs, plain_text
from sandbox.world import FORM_FIELDS, REQUEST_TYPE_FIELD, Account, Issue

if TYPE_CHECKING:
    from sandbox.jira_app import Jira

PERSONAS = ("developer", "approver", "outsider")
COOKIE = "persona"
SHOWN = 60
BUCKET_FIELDS = ("Bucket name", "AWS region", "Data class", "Environment")

STYLE = """
:root{--ink:#172b4d;--soft:#5e6c84;--line:#dfe1e6;--brand:#0b6e4f;--tint:#f4f7f5}
*{box-sizing:border-box}body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:#fff}
header{display:flex;gap:1rem;align-items:center;flex-wrap:wrap;padding:.7rem 1.5rem;border-bottom:1px solid var(--line)}
header a.name{font-weight:700;color:var(--ink);text-decoration:none;margin-right:auto}
main{max-width:1000px;margin:1.5rem auto;padding:0 1.5rem}a{color:var(--brand)}
table{border-collapse:collapse;width:100%}td,th{padding:.45rem .6rem;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top}th{color:var(--soft);font-weight:600}td.key{white-space:nowrap}
.status{display:inline-block;border-radius:3px;padding:0 .45rem;background:#dfe1e6;font-size:.85em;white-space:nowrap}
.status.indeterminate{background:#deebff;color:#0747a6}.status.done{background:#e3fcef;color:#006644}
.soft{color:var(--soft)}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.3rem 0}
article{border:1px solid var(--line);border-radius:6px;padding:.6rem 1rem;margin:.8rem 0}
article.ours{border-left:4px solid var(--brand);background:var(--tint)}
label{display:block;margin:.7rem 0 .2rem;font-weight:600}input,select,textarea{font:inherit;padding:.4rem .5rem;width:100%;
border:1px solid #c1c7d0;border-radius:4px;background:#fff;color:inherit}textarea{min-height:7rem}
button,.button{font:inherit;background:var(--brand);color:#fff;border:0;border-radius:4px;padding:.45rem 1rem;cursor:pointer;
text-decoration:none;display:inline-block}button.plain{background:#ebecf0;color:var(--ink)}button.chosen{outline:2px solid var(--brand)}
form.inline{display:inline}.error{background:#ffebe6;padding:.6rem 1rem;border-radius:4px}.two{display:grid;gap:0 1rem;
grid-template-columns:repeat(auto-fit,minmax(220px,1fr))}fieldset{border:1px solid var(--line);border-radius:6px;margin:.8rem 0}
"""

Endpoint = Callable[[Request], Awaitable[Response]]


def page_routes(jira: Jira) -> list[Route]:
    """The page's own addresses; each acts as the persona in the cookie."""
    page = Page(jira)
    return [
        Route("/", page.guard(page.list), methods=["GET"]),
        Route("/browse/{key}", page.guard(page.read), methods=["GET"]),
        Route("/page/new", page.guard(page.new), methods=["GET"]),
        Route("/page/new", page.guard(page.file), methods=["POST"]),
        Route("/page/comment/{key}", page.guard(page.comment), methods=["POST"]),
        Route("/page/persona", page.guard(page.choose), methods=["POST"]),
    ]


class Page:
    def __init__(self, jira: Jira) -> None:
        self._jira = jira

    def guard(self, handler: Endpoint) -> Endpoint:
        """Refuses posts from other sites, and shows a refusal as a page."""

        async def endpoint(request: Request) -> Response:
            origin = request.headers.get("origin")
            if request.method == "POST" and origin and urlsplit(origin).netloc != request.headers.get("host"):
                return HTMLResponse("a post from another site is not taken", 403)
            try:
                return await handler(request)
            except Refused as error:
                words = " ".join([*error.messages, *error.errors.values()])
                return self._html(
                    request,
                    "No",
                    f'<p class="error">{escape(words)}</p><p><a href="/">Back</a></p>',
                    error.status,
                )

        return endpoint

    def who(self, request: Request) -> Account:
        name = request.cookies.get(COOKIE, PERSONAS[0])
        return self._jira.state.world.accounts[name if name in PERSONAS else PERSONAS[0]]

    async def choose(self, request: Request) -> Response:
        form = await _form(request)
        name = form.get("persona", "")
        if name not in PERSONAS:
            raise Refused(400, f"The personas are {', '.join(PERSONAS)}.")
        back = form.get("back", "/")
        if not back.startswith("/") or back.startswith("//"):
            back = "/"
        response = RedirectResponse(back, 303)
        response.set_cookie(COOKIE, name, httponly=True, samesite="strict")
        return response

    async def list(self, request: Request) -> Response:
        project = request.query_params.get("project", "")
        show_all = request.query_params.get("show") == "all"
        world = self._jira.state.world
        with self._jira.state.lock:
            issues = sorted(world.issues.values(), key=lambda issue: (issue.updated, issue.id), reverse=True)
        chosen = [
            issue
            for issue in issues
            if (not project or issue.project == project)
            and (show_all or world.statuses[issue.status].category != "done" or issue.reporter in PERSONAS)
        ]
        rows = "".join(self._row(issue) for issue in chosen[:SHOWN])
        links = " · ".join(
            f'<a href="/?project={key}">{escape(entry.name)}</a>' for key, entry in world.projects.items()
        )
        other = '<a href="/">open ones and yours</a>' if show_all else '<a href="/?show=all">all</a>'
        body = f"""<p><a class="button" href="/page/new">File a ticket</a></p>
<p class="soft"><a href="/">All projects</a> · {links} · show {other}. {len(chosen):,} tickets, the latest {SHOWN} are listed.</p>
<table><thead><tr><th>Key</th><th>Summary</th><th>Status</th><th>Reporter</th><th>Updated (UTC)</th></tr></thead>
<tbody>{rows}</tbody></table>"""
        return self._html(request, "Tickets", body)

    def _row(self, issue: Issue) -> str:
        accounts = self._jira.state.world.accounts
        return (
            f'<tr><td class="key"><a href="/browse/{issue.key}">{issue.key}</a></td><td>{escape(issue.summary)}</td>'
            f"<td>{self._status(issue)}</td><td>{escape(accounts[issue.reporter].name)}</td><td>{when(issue.updated)}</td></tr>"
        )

    def _status(self, issue: Issue) -> str:
        status = self._jira.state.world.statuses[issue.status]
        return f'<span class="status {status.category}">{escape(status.name)}</span>'

    async def read(self, request: Request) -> Response:
        issue = self._jira.state.find(request.path_params["key"])
        world = self._jira.state.world
        project = world.projects[issue.project]
        facts = [
            ("Type", issue.issue_type),
            ("Request type", project.request_types.get(issue.request_type or "", "none")),
            ("Reporter", world.accounts[issue.reporter].name),
            ("Assignee", world.accounts[issue.assignee].name if issue.assignee else "nobody"),
            ("Created (UTC)", when(issue.created)),
        ]
        facts += [(world.fields[identity].name, value) for identity, value in issue.custom.items() if value]
        table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
        comments = "".join(self._comment(comment) for comment in issue.comments)
        body = f"""<p class="soft"><a href="/">Tickets</a> / {issue.key}</p><h1>{escape(issue.summary)}</h1><p>{self._status(issue)}</p>
<table>{table}</table><article><pre>{escape(plain_text(issue.description))}</pre></article><h2>Comments</h2>
{comments or '<p class="soft">None yet. This page looks again every few seconds.</p>'}
<form method="post" action="/page/comment/{issue.key}"><label for="text">Comment as {escape(self.who(request).name)}</label>
<textarea id="text" name="text" required></textarea><p><button>Comment</button></p></form>
<script>setInterval(()=>{{if(!document.getElementById("text").value)location.reload()}},4000)</script>"""
        return self._html(request, issue.key, body)

    def _comment(self, comment: Any) -> str:
        author = self._jira.state.world.accounts[comment.author]
        ours = ' class="ours"' if author.account_id == "agent" else ""
        hidden = "" if comment.public else " · internal"
        return (
            f"<article{ours}><strong>{escape(author.name)}</strong> "
            f'<span class="soft">{when(comment.created)}{hidden}</span><pre>{escape(plain_text(comment.body))}</pre></article>'
        )

    async def new(self, request: Request) -> Response:
        world = self._jira.state.world
        projects = "".join(
            f'<option value="{key}">{escape(p.name)} ({key})</option>' for key, p in world.projects.items()
        )
        names = sorted({name for p in world.projects.values() for name in p.request_types.values()})
        types = "".join(
            f"<option{' selected' if name == 'S3 bucket' else ''}>{escape(name)}</option>" for name in names
        )
        by_name = {name: world.fields[identity] for identity, name in FORM_FIELDS.items()}
        inputs = ""
        for name in BUCKET_FIELDS:
            entry = by_name[name]
            if entry.options:
                options = "<option></option>" + "".join(
                    f"<option>{escape(option)}</option>" for option in entry.options
                )
                control = f'<select id="{entry.id}" name="{entry.id}">{options}</select>'
            else:
                control = (
                    f'<input id="{entry.id}" name="{entry.id}" placeholder="payments-monthly-statements">'
                )
            inputs += f'<div><label for="{entry.id}">{escape(name)}</label>{control}</div>'
        body = f"""<h1>File a ticket</h1><form method="post" action="/page/new">
<label for="project">Project</label><select id="project" name="project">{projects}</select>
<p class="soft">The two desks have a form with request types. The Platform and Web boards take prose only.</p>
<label for="summary">Summary</label><input id="summary" name="summary" required maxlength="255">
<label for="description">Description</label><textarea id="description" name="description"></textarea>
<fieldset id="form"><legend>The desks' form</legend><label for="type">Request type</label>
<select id="type" name="type"><option></option>{types}</select><div class="two">{inputs}</div></fieldset>
<p><button>File as {escape(self.who(request).name)}</button></p></form>
<script>const p=document.getElementById("project"),f=document.getElementById("form");
const s=()=>{{f.hidden=!["OPS","DATA"].includes(p.value)}};p.addEventListener("change",s);s()</script>"""
        return self._html(request, "File a ticket", body)

    async def file(self, request: Request) -> Response:
        form = await _form(request)
        project = self._jira.state.world.projects.get(form.get("project", ""))
        if project is None:
            raise Refused(400, "Choose a project.")
        fields: dict[str, Any] = {
            "project": {"key": project.key},
            "issuetype": {"name": "Service Request" if project.request_types else "Task"},
            "summary": form.get("summary", "").strip(),
            "description": paragraphs(form["description"]) if form.get("description", "").strip() else None,
        }
        if project.request_types:
            if form.get("type"):
                fields[REQUEST_TYPE_FIELD] = form["type"]
            fields |= {
                identity: form[identity].strip() for identity in FORM_FIELDS if form.get(identity, "").strip()
            }
        issue = self._jira.state.create(self.who(request), fields)
        return RedirectResponse(f"/browse/{quote(issue.key)}", 303)

    async def comment(self, request: Request) -> Response:
        issue = self._jira.state.find(request.path_params["key"])
        text = (await _form(request)).get("text", "").strip()
        if not text:
            raise Refused(400, "A comment needs words.")
        self._jira.state.comment(self.who(request), issue, paragraphs(text), properties={}, public=True)
        return RedirectResponse(f"/browse/{quote(issue.key)}", 303)

    def _html(self, request: Request, title: str, body: str, status: int = 200) -> Response:
        mine = self.who(request).account_id
        back = escape(request.url.path if request.method == "GET" else "/", quote=True)
        accounts = self._jira.state.world.accounts
        buttons = "".join(_persona_button(accounts[name], name == mine) for name in PERSONAS)
        return HTMLResponse(
            f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Sandbox Jira</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,"><style>{STYLE}</style></head><body>
<header><a class="name" href="/">Sandbox Jira</a><span class="soft">You are</span><form class="inline" method="post"
action="/page/persona"><input type="hidden" name="back" value="{back}">{buttons}</form></header><main>{body}</main></body></html>""",
            status,
            {
                "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                "form-action 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
            },
        )


def _persona_button(account: Account, is_chosen: bool) -> str:
    roles = {"developer": "team payments", "approver": "may approve", "outsider": "in no team"}
    chosen = " chosen" if is_chosen else ""
    return (
        f'<button class="plain{chosen}" name="persona" value="{account.account_id}" aria-pressed="{str(is_chosen).lower()}">'
        f"{escape(account.name)} ({roles[account.account_id]})</button> "
    )


async def _form(request: Request) -> dict[str, str]:
    """The fields of a plain form post."""
    sent = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1].replace("\r\n", "\n") for name, values in sent.items()}


def when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
