"""TikTok's wire and nothing of ours: what TikTok sends and takes, byte for byte, and how to read its answers.

`signature` and `webhooks` read what TikTok sends us; `client` speaks to it, with the requests and answers of `oauth`,
`display` and `posting` and the chunk PUT of `upload`; `chunks` plans uploads; `errors` is everything that can go
wrong, and `readings` what each of TikTok's codes means. Facts and their section numbers are those of the fact sheet.

Imports nothing of the project; owns `httpx` on TikTok's side and `orjson` for reading webhooks. It never retries, never
stores, never logs: whether a call may be repeated is said by the error and decided by the caller.
"""
