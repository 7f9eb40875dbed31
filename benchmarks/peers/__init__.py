"""Other programs that compute times from tickets, timed beside ours. See `__main__`."""
