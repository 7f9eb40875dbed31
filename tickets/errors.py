"""Errors of this room. The message is a sentence that a person can act on, and holds no header, body or token.

TicketsError
├── JiraError              Jira did not do what was asked
│   ├── JiraUnreachable    no answer, or none in time
│   ├── JiraRefused        401 or 403: the credentials, or what they permit
│   │   └── Declined       400, 409, 413 or 422: understood, and answered no
│   ├── JiraGone           410: an address that Jira has removed
│   ├── NotFound           404: it does not exist, or this account may not see it
│   ├── NoTransition       no permitted transition leads to the wanted status
│   ├── AnswerUnknown      a write was sent and its answer was lost: look before asking again
│   ├── Unavailable        Jira has the ticket and cannot give it, while it answers for others
│   └── MalformedAnswer    an answer that is not what Jira documents
├── Unreadable             a record of Jira's that cannot become a ticket; counted and shown, never dropped
├── ExportError            a file that is no export of Jira
└── StoreError             the ticket store cannot be opened, read or written
"""

from __future__ import annotations


class TicketsError(Exception):
    """Anything this room raises on purpose."""


class JiraError(TicketsError):
    """Jira did not do what was asked."""


class JiraUnreachable(JiraError):
    """No answer, none in time, or "not now" more often than we retry; nothing was done."""


class JiraRefused(JiraError):
    """The credentials are wrong or do not permit this; the message names the cure."""


class Declined(JiraRefused):
    """Jira understood the request and said no; nothing was done. The message holds Jira's own reason."""


class JiraGone(JiraError):
    """Jira has removed this address: the site or this Golden Path is of another age."""


class NotFound(JiraError):
    """It does not exist, or this account may not see it: Jira does not say which."""


class NoTransition(JiraError):
    """No permitted transition leads from the ticket's status to the wanted one."""


class AnswerUnknown(JiraError):
    """A write was sent once and its answer was lost: whether it was done is not known until somebody looks."""


class Unavailable(JiraError):
    """Jira fails for this one ticket, while it answers for others."""


class MalformedAnswer(JiraError):
    """An answer that is not what Jira documents, such as a log-in page."""


class Unreadable(TicketsError):
    """A record of Jira's that cannot become one of ours; the message is the reason."""


class ExportError(TicketsError):
    """The file is no export of Jira that can be read; the message names the file and the way out."""


class StoreError(TicketsError):
    """The ticket store cannot be used; the message names the file and the way out."""
