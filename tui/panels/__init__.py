"""Live widgets, drawn line by line from the scene they are given."""
