"""Paints the Lab: producers, lanes, wires, members, what happened, throughput, and the scrub."""
