"""What may go wrong while servers are found and started.

DeployError
├── DirectoryInUse    another process of ours holds the folder
├── ServerFailed      a server we started did not come up, or did not end
└── Unsupported       this machine lacks what the server needs; the message says what to do instead
"""


class DeployError(Exception):
    """Base of this room; the message is one a person can act on."""


class DirectoryInUse(DeployError):
    """Another live process holds this folder."""


class ServerFailed(DeployError):
    """A server we started did not come up, or did not end, in time; the message carries the tail of its log."""


class Unsupported(DeployError):
    """This machine lacks what the server needs; the message says what to do instead."""
