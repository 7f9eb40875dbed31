"""Errors of this room, and the exit codes they end a command with.

AgentError              exit 1: the work could not be done now; the message says what to do
├── Stopped             exit 1: somebody asked for the end in the middle of work that goes on later
├── Undelivered         exit 1: a person could not be told in one way; the next cycle tries again
├── Untellable          exit 1: one way leads to nobody for this call; the others still tell
└── ConfigurationError  exit 2: the configuration or the call is wrong; the message names file, line and what is allowed
"""

from __future__ import annotations


class AgentError(Exception):
    """The command could not do its work; the message is a sentence with the way out."""

    exit_code = 1


class Stopped(AgentError):
    """A sync was stopped; the next one goes on where it was."""


class Undelivered(AgentError):
    """A person could not be told in this way; it is tried again in the next cycle. Holds no secret and no address."""


class Untellable(AgentError):
    """This way leads to nobody for this call: its ticket is gone, or nothing may be written there unseen by others."""


class ConfigurationError(AgentError):
    """The configuration (or the absence of one) is the reason; the message names the file and the line."""

    exit_code = 2
