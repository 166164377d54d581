"""TikTok in a box, and a customer in a box: what every flow test of ours stands on, and a program of its own.

Written from the fact sheet alone: imports `libs.runtime` and never `libs.tiktok`, so that two independent readings of
the sheet meet in the tests. State lives in memory, bounded; one process, one event loop, and every wait for TikTok's
own doings goes through one virtual clock.

    world/     what is true and what TikTok would decide: plain state and rules, no await
    wire/      what TikTok's clients see: OAuth, Display, Content Posting, uploads
    engine/    what TikTok does by itself: processing, pulls, media checks, webhooks
    fault/     what can be made to go wrong, by endpoint and count
    script/    the `/_sim/` API for tests and people
    customer/  an endpoint that answers as told and judges our signatures
    page/      the page at `/_sim/`
"""
