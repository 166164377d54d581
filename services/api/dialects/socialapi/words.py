"""What SocialAPI.ai calls things."""

from typing import Final

from services.api.dialects.frame import Dialect

DIALECT: Final = Dialect(
    "socialapi",
    "SocialAPI.ai",
    words={"redirect_uri": "metadata.redirect_uri", "state": "metadata.state"},
)
