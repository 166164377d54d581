"""Postgres: the truth. One class per table group; statements live in `queries/*.sql`, the schema in `migrations/*.sql`.

The only room that knows SQL or asyncpg. May import `libs.model`. It never decides: what is saved was decided by the
model, what is claimed comes back as the model's values. Secrets are sealed on the way in and opened on the way out.
"""
