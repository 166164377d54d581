"""Our nouns and rules: pure values, no await.

Everything that decides lives here: what a post request may say, what a post does next, what a heard fact means, when a
delivery is tried again. Functions take `now`; nothing here reads a clock, a socket or a file. Imports nothing of ours.
"""
