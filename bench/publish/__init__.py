"""`publish`: a thousand posts, each struck at another step of its way to TikTok, and never one twice or none.

Every run is a post of a creator of its own. It is struck once: by TikTok's end of a call (reset, trouble, a reply that
is lost), by the database's end of a save, or by ending or freezing the publisher that is in the middle of it.
Publishers, Postgres and the simulator are real; time is the simulator's, so leases and pauses of hours pass at once.

May import what `bench.campaign` may. Stopping a publisher exactly at a save needs nothing in the product: triggers in
this campaign's own database wait there (`stops`).
"""
