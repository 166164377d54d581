"""Other vendors' calls: they run here when their base URL becomes `…/compat/<vendor>` and their key one of ours.

What lives here
    ``frame``      what every dialect is made of: addresses, problems in its words, refusals, adjustments
    ``mapping``    one table of what each vendor calls our fields, read in both directions
    one module or package for each vendor; it ends in its table of routes

A dialect compiles a vendor's body into a native request and then goes the native way: its key, grants, limits, rules,
duplicate guard and audit. Where it has to choose, its reply says so under `adjustments`. It never weakens a rule.
"""

from services.api.dialects import postproxy, socialapi, socialsyncer

ROUTES = (*socialapi.ROUTES, *socialsyncer.ROUTES, *postproxy.ROUTES)
"""Every call of every dialect. They are no part of our own contract, so the OpenAPI document leaves them out."""
