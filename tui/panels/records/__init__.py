"""The panels of the mode Records."""
