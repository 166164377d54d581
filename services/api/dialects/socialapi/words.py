"""What SocialAPI.ai calls things."""

from dataclasses import replace
from typing import Final

from libs.model.account import how_to_reconnect, reconnect_path
from libs.model.problem import Problem
from services.api.dialects.frame import Dialect

NAME: Final = "socialapi"
CONNECTOR: Final = "platform_data.tiktok"
LANDING: Final = "platform_options.tiktok"
"""Where a post's settings stand, on the two pages of theirs."""


def _says(problem: Problem) -> Problem:
    """401 `invalid_token`: the account has to be connected again."""
    ended = next((error for error in problem.errors if error.code == "account_not_connected"), None)
    if problem.code == "reauthorization_required":
        path = str(problem.extra.get("reconnect", ""))
        remedy, errors = problem.remedy, problem.errors
    elif ended is not None:
        path, remedy, errors = reconnect_path(str(ended.found)), how_to_reconnect(str(ended.found)), (ended,)
    else:
        return problem
    return replace(
        problem,
        code="invalid_token",
        title="The account has to be connected again",
        status=401,
        remedy=remedy,
        errors=errors,
        extra={"reconnect": path},
    )


DIALECT: Final = Dialect(
    NAME,
    "SocialAPI.ai",
    words={"redirect_uri": "metadata.redirect_uri", "state": "metadata.state"},
    says=_says,
)
