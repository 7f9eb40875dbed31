"""Errors of this room. The message is a sentence that a person can act on.

AnalyticsError
├── CalendarRange      an instant lies outside the days that a business calendar knows
├── BadFrame           a frame lacks a column or carries times without a zone
├── NotEnoughLabels    too few kinds of labelled tickets, or too few words, to learn from
└── ModelRefused       a stored model is missing, altered or of another make
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """Anything this room raises on purpose."""


class CalendarRange(AnalyticsError):
    """An instant outside the calendar's days; the message names the range and the instant."""


class BadFrame(AnalyticsError):
    """A frame that cannot be measured; the message names the column and what is wrong with it."""


class NotEnoughLabels(AnalyticsError):
    """Fewer than two classes among the labelled tickets, or no word in them; the message says how many there are."""


class ModelRefused(AnalyticsError):
    """A stored model that will not be loaded; the message says why, and that training makes it anew."""
