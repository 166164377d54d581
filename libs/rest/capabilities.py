"""What can be done with TikTok, and what cannot and why."""

from libs.rest.shape import Answer


class CapabilityAnswer(Answer):
    """`applies` False: nothing of the kind exists on TikTok; `gated`: TikTok has it, for those it has approved.

    `reason` and `instead` are None where it is supported.
    """

    name: str
    title: str
    supported: bool
    applies: bool
    gated: bool
    reason: str | None
    instead: str | None


class CapabilitiesAnswer(Answer):
    """`api` and `auth` name what stands behind: TikTok API v2, OAuth 2.0."""

    platform: str
    api: str
    auth: str
    data: tuple[CapabilityAnswer, ...]
