"""Modal screens that ask before a verb is called."""
