"""One screen for each mode, with its style beside it."""
