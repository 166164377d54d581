"""Rooms shared by the programs; each owns one subject and knows nothing of the programs above it."""
