"""Figures and proofs: `python -m bench` measures speed against bare limits, `bench.prove*` runs fault campaigns.

Lives here: load generators, sinks, bare counterparts, and the measurements that set ours beside them in the same run.
May import `services` and `libs` (through their public faces), `deploy` for servers, `rich` for tables.
Never does: reach beyond loopback, touch a database or queue it did not make, or run without an end.
"""
