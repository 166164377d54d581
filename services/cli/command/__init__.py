"""The groups of commands; each module's `add` hangs its own into the app."""
