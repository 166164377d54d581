"""What may keep a campaign from running. A broken promise is a finding, not an error.

CampaignError
├── NeverReady   a program or a server of the campaign did not come up in time
├── Misplayed    a call that sets the scene was answered otherwise than it has to be
└── Missing      this machine lacks what the campaign needs
"""


class CampaignError(Exception):
    """The campaign cannot go on; the message is one a person can act on."""


class NeverReady(CampaignError):
    """A program or server did not come up in time; the message carries the tail of its log."""


class Misplayed(CampaignError):
    """Setting the scene failed."""


class Missing(CampaignError):
    """This machine lacks what the campaign needs."""
