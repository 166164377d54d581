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

    TikTok is the simulator here, wherever the programs find it else. Customers may be reached on loopback, where the
    simulated one is, and what an earlier run encrypted can be read. Raises `SettingsError` for settings of a deployment
    at the real TikTok, where programs are unless told otherwise: a simulator would know none of its accounts, and they
    would be disconnected.
    """
    taken = {name: value for name, value in given.items() if value and name not in _ADDRESSES}
    real = _at_tiktok(given.get("TIKTOK_API_URL") or "https://tiktok.com")
    if real and "DATABASE_URL" in taken and "TIKTOK_CLIENT_KEY" in taken:
        raise SettingsError(
            "bad settings: DATABASE_URL and TIKTOK_CLIENT_KEY are those of a deployment at TikTok, and `make run` has"
            " only a simulated one. Leave one of them out, or start the programs (README, Operate)"
        )
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
