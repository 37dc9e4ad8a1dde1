"""Palettes: TOML files here and in a person's own config folder, loaded into Textual themes."""
