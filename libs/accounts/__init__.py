"""An account's line to TikTok: its token, its budget, its calls.

Every call to TikTok on behalf of an account goes through `Line`: it finds a usable token, takes a slot of the
account's sliding minute, makes the call, and refreshes once when TikTok refuses the token. `Connector` and
`Disconnector` begin and end grants, `AppBook` knows which app an account belongs to. May import store, tiktok and
model. It decides nothing about posts.
"""
