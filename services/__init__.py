"""Programs: one process and one image each. They never import one another."""
