"""`python -m agent` is `goldenpath`."""

from agent.cli import main

main()
