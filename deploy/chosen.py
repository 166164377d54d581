"""What `make run` takes of the environment and `.env`: it is a house of its own, with a TikTok played in it. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from deploy.keepsake import Keepsake
from libs.runtime.settings import SettingsError

LOOPBACK = "127.0.0.0/8,::1/128"
_AT_TIKTOK = ("tiktokapis.com", "tiktok.com")
_ADDRESSES = ("TIKTOK_API_URL", "TIKTOK_AUTH_URL")


def chosen(given: Mapping[str, str], keepsake: Keepsake) -> dict[str, str]:
    """The settings as they were given, and beside them what this house cannot be without.

    TikTok's own addresses, which stand in .env.example, mean the simulator here. Customers may be reached on loopback,
    where the simulated one is, and what an earlier run encrypted can be read. Raises `SettingsError` for settings of a
    deployment at the real TikTok: a simulator would know none of its accounts, and they would be disconnected.
    """
    taken = {name: value for name, value in given.items() if value}
    real = [name for name in _ADDRESSES if _at_tiktok(taken.get(name, ""))]
    if "TIKTOK_API_URL" in real and taken.get("DATABASE_URL") and taken.get("TIKTOK_CLIENT_KEY"):
        raise SettingsError(
            "bad settings: DATABASE_URL, TIKTOK_CLIENT_KEY and TIKTOK_API_URL are those of a deployment at TikTok, and"
            " `make run` only has a simulated one. Leave one of them out, or start the programs (README, Operate)"
        )
    for name in real:
        del taken[name]
    for name, own in [("EGRESS_ALLOW", LOOPBACK), ("CLIPWIRE_ENCRYPTION_KEYS", keepsake.encryption_key)]:
        if name in taken:
            taken[name] += f",{own}"
    return taken


def _at_tiktok(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # bad brackets; the programs say so
        return False
    return any(f".{host}".endswith(f".{domain}") for domain in _AT_TIKTOK)
