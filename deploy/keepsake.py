"""What `make run` must remember between runs: its keys. Kept in `.clipwire/keys.json`, mode 0600, written once."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.cluster import write_private
from libs.model.key import new_secret
from libs.store.vault import new_key


@dataclass(frozen=True, slots=True, repr=False)
class Keepsake:
    """Secrets of one folder. Losing them loses the stored tokens, which open with `encryption_key` alone."""

    encryption_key: str
    operator_key: str
    tiktok_client_key: str
    tiktok_client_secret: str
    simulator_seed: int

    @classmethod
    def of(cls, folder: Path) -> "Keepsake":
        """The folder's own, made the first time."""
        path = folder / "keys.json"
        if not path.exists():
            fresh = cls(
                encryption_key=new_key(),
                operator_key=new_secret(),
                tiktok_client_key=f"awsim{secrets.token_hex(6)}",
                tiktok_client_secret=secrets.token_urlsafe(24),
                simulator_seed=secrets.randbelow(2**31),
            )
            write_private(path, json.dumps(asdict(fresh)))
        return cls(**json.loads(path.read_text()))
