"""What a ticket is, where it comes from, where it is kept."""
