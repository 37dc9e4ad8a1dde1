"""Pure functions from a snapshot to strips of cells; nothing here knows an app."""
