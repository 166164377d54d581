"""Speaks to TikTok: takes jobs, drives posts through init, upload and status, settles what was heard into events.

The only program that changes posts and accounts. Imports libs, never another service.
"""
