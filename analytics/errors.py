"""Errors of this room. The message is a sentence that a person can act on.

AnalyticsError
├── CalendarRange      an instant lies outside the days that a business calendar knows
├── BadFrame           a frame lacks a column or carries times without a zone
├── NotEnoughLabels    too few kinds of labelled tickets, or too few words, to learn from
├── TooFewTexts        too few tickets to discover types in
└── ModelRefused       a stored model is missing, altered or of another make
    └── ModelOutdated  it is whole, but an older Golden Path wrote it
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


class TooFewTexts(AnalyticsError):
    """Fewer tickets than types can be discovered in; the message says how many there are, and how to get more."""


class ModelRefused(AnalyticsError):
    """A stored model that will not be loaded; the message says why, and that training makes it anew."""


class ModelOutdated(ModelRefused):
    """A stored model of an older format: nothing is wrong with it but its age."""
