"""Fault campaigns: every program as a process of its own, real servers beneath, and somebody who breaks them.

`kills` strikes our programs, `backing` the servers they stand on; both send work the while, wait until everything has
come to rest, and hold what is there against what was promised. Seeded: the same seed plans the same posts, webhooks
and strikes (what a strike meets in the middle is up to the machine).

May import deploy, services' settings and libs; everything it judges by is written anew here, against the wire, the
tables and the simulator. It never touches a server or a process it did not start.
"""
