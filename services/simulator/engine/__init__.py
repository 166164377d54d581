"""What TikTok does by itself: processing, pulling, probing, webhooks.

The shell around `world/`: it waits, dials and writes files, and lets the world's rules decide.
"""
