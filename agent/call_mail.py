"""Tells a call by mail: plain text of our own sentences."""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import format_datetime

from agent.errors import Undelivered
from agent.replies import look_and_settle, plain_sentence
from agent.tables import MailTable
from fulfilment.records import Call

TIMEOUT = 10.0  # seconds, for connecting and for each answer
_KEY = re.compile(r"[A-Z][A-Z0-9_]+-[0-9]+", re.ASCII)


def message(table: MailTable, call: Call, *, site: str) -> EmailMessage:
    """The mail; its Message-ID is the same at each try. Headers hold only configured addresses and a key."""
    key = call.ticket_key if call.ticket_key and _KEY.fullmatch(call.ticket_key) else ""
    mail = EmailMessage()
    mail["From"] = table.sender
    mail["To"] = ", ".join(table.to)
    mail["Subject"] = f"Golden Path needs a person{f': {key}' if key else ''}"
    mail["Date"] = format_datetime(call.created_at)
    mail["Message-ID"] = f"<{call.occasion}@{table.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [plain_sentence(call.reason), "", plain_sentence(call.look_at), "", *look_and_settle(call, key)]
    mail.set_content("\n".join([*lines, "", f"Jira: {plain_sentence(site)}", ""]))
    return mail


def send(table: MailTable, password: str, call: Call, *, site: str) -> None:
    """Sends it once, encrypted unless the server is this machine. Raises Undelivered; the server's words are not
    passed on."""
    mail = message(table, call, site=site)
    try:
        server = smtplib.SMTP(table.host, table.port, timeout=TIMEOUT)
        with closing(server):
            if table.starttls:
                server.starttls(context=ssl.create_default_context())
            if table.user:
                server.login(table.user, password)
            server.send_message(mail)
            with suppress(OSError):  # it was taken: a farewell that fails must not send it again
                server.quit()
    except smtplib.SMTPResponseException as error:
        raise Undelivered(f"the mail server {table.host} answered {error.smtp_code}") from None
    except (OSError, ValueError) as error:  # SMTPException is an OSError
        raise Undelivered(f"the mail server {table.host} took no mail ({type(error).__name__})") from None
