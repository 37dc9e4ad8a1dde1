"""Pictures of every mode and dialog, from sample worlds: `python -m tests.shots [NAME ...] [--out shots]`."""
