"""`refresh`: tokens under fire. One refresh however many want one, none lost to a freeze, a crash or a reconnect, no
account asked for reconnection while what is stored of it is good at TikTok.

Workers are processes around the product's own `TokenKeeper`, over a real Postgres and the simulator's token endpoint.
"""
