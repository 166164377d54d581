"""Media of the campaign `leaks`: by signed URLs, to addresses of their own, and in a file of rows."""

import hashlib

from bench.campaign.leak_witness import Shelf, Witness

HEAD = "account_id,kind,media,title,privacy_level"


async def media(w: Witness, shelf: Shelf, customer: str, account: str, key: str) -> None:
    for name in ("film.mp4", "moved", "denied", "cut", "text"):
        await w.do("POST", "/v1/media", {"url": shelf.signed(w, name)}, key=key)
    await w.ask("POST", "/v1/media", {"url": "ftp" + shelf.signed(w, "film.mp4")[4:]}, key=key)
    await w.ask("POST", "/v1/media", {"url": shelf.signed(w, "film.mp4").replace("127.0.0.1", "10.0.0.1")}, key=key)
    await _promised(w, shelf.film, key)
    await _imported(w, shelf, customer, account, key)


async def _promised(w: Witness, film: bytes, key: str) -> None:
    """To its address short, whole, and once more; and a file that is not what was promised."""
    for digest in (hashlib.sha256(film).hexdigest(), "0" * 64):
        asked = {"size": len(film), "sha256": digest}
        made = await w.do("POST", "/v1/media/uploads", asked, key=key)
        w.remember("upload address", str(made["url"]).rpartition("/")[2], w.places[-1].name)
        headers = {str(name): str(value) for name, value in made["headers"].items()}
        for content in (film[:-1], film, film):
            await w.ask("PUT", str(made["url"]), key="", headers=headers, data=content)
        await w.ask("POST", f"/v1/media/{made['id']}/complete", key=key)


async def _imported(w: Witness, shelf: Shelf, customer: str, account: str, key: str) -> None:
    """Rows by signed URLs: good ones, one of which nothing fits, and one with the URL where a word belongs."""
    film = shelf.signed(w, "film.mp4")
    rows = [
        HEAD, f"{account},video,{shelf.signed(w, 'film.mp4')},imported,SELF_ONLY", f"{account},video,{film},x,{film}",
        f"{film},{film},,y,SELF_ONLY", f"{account},video,{film},z,SELF_ONLY,{film}",
    ]  # fmt: skip
    for query in ("", "&dry_run=true"):
        path = f"/v1/imports?customer_id={customer}{query}"
        await w.ask("POST", path, key=key, data="\r\n".join(rows).encode(), headers={"Content-Type": "text/csv"})
