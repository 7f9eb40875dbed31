"""The scheduled loop and its edges: command line, configuration, cycle, replies, operations, wiring."""
