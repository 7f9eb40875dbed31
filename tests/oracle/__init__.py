"""The truth that the queue analytics are held to: every figure again, in the slowest and most obvious way.

`oracle` walks a ticket's life minute by minute and asks at each: which status is it in, is the shop open? It knows
nothing of the product but the records of `tickets.ticket`, so the two can only agree by both being right.
`worlds` draws rules, calendars and statuses, `stories` draws tickets, `telling` prints a case that failed.
"""
