"""The outside world on loopback: a Jira and an AWS with a year of tickets. Imports none of the other rooms."""
