"""Lambda of every action route: one client action at a time."""
