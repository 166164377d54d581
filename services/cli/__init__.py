"""The `clipwire` command."""
