"""Tests: `unit` (values only), `store` (real Postgres), `contract` (one suite per port), `flow` (the whole stack).

`servers` finds what they stand on, `databases` clones one database per test, `rows` maps tests to the checklist.
"""
