"""Hears TikTok: verifies and dedupes its webhooks, keeps each body once and hands on what it says as a fact.

Writes receipts and facts, nothing else. Imports libs, never another service.
"""
