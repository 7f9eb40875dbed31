"""Whether the store tells the truth: random histories of a Jira by seed, synced through trouble, then compared.

A seed gives a `Story`, a list of steps: people at work, trouble on the way, the machine syncing, dying and starting
again. `play` plays it against the sandbox over HTTP; `comparison` sets the sandbox's own world against the store.
`python -m tests.truth SEED…` replays a story and cuts a failing one down to the steps that it needs.
"""
