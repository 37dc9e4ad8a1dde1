"""Pure functions that paint the mode Records."""
