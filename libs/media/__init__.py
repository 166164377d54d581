"""Media: where bytes live, what they are, and how they become something TikTok takes.

What lives here
    ``storage``  the ``MediaStorage`` port and ``open_storage``; ``folder`` and ``bucket`` are its two adapters
    ``probe``    what a file is, decided by its content; ``finding`` holds the answers
    ``convert``  a new file that fits TikTok's limits, from one that may not
    ``rules``    every checkable media rule of the fact sheet, as pure functions over findings
    ``workers``  the bounded pool of confined processes in which strangers' files are opened; ``worker`` is such a
                 process, and what it alone loads: ``job``, ``look*``, ``make*``, ``filter``, ``container``, ``confine``

May import ``libs.model``, ``libs.egress`` and ``libs.signing``; ``judge`` asks the egress guard about URLs.

Never loads PyAV or Pillow into the process that asks: codecs run in ``worker`` processes only. So this package
imports nothing by itself; take names from the modules.
"""
