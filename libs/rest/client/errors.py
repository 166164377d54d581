"""Every way a call ends that is not its answer.

    ClipwireError
    ├── Refused       the server said no; `problem` names the field, the limit and the remedy
    ├── Unreachable   no answer came: nobody there, or the connection broke
    ├── TimedOut      the time that was given is over
    ├── Unreadable    something answered that is not this API, or that is newer than this client
    ├── NotPublished  a post that was waited for ended otherwise; `post` is how
    ├── FileChanged   a file became longer or shorter while it was sent
    └── BadId         a name that cannot be one (a ValueError, too)

None of them holds the key, and none quotes an answer that is not a problem of ours.
"""

from libs.rest.posts import PostDetail
from libs.rest.problem import ProblemAnswer


class ClipwireError(Exception):
    """The call has no answer."""


class Refused(ClipwireError):
    """The server refused; `problem` is what it said (RFC 9457), `problem.code` made to be programmed against."""

    def __init__(self, problem: ProblemAnswer) -> None:
        fields = "".join(f"; {error.field}: {error.detail}" for error in problem.errors)
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}{fields}")
        self.problem = problem


class Unreachable(ClipwireError):
    """No answer came. `may_have_worked`: the request was on its way, so it may have been carried out."""

    def __init__(self, detail: str, *, may_have_worked: bool) -> None:
        super().__init__(detail)
        self.may_have_worked = may_have_worked


class TimedOut(ClipwireError):
    """The time that was given is over. `may_have_worked`: a request was on its way by then."""

    def __init__(self, detail: str, *, may_have_worked: bool) -> None:
        super().__init__(detail)
        self.may_have_worked = may_have_worked


class Unreadable(ClipwireError):
    """The answer is none of this API's; `status` is its HTTP status."""

    def __init__(self, detail: str, *, status: int) -> None:
        super().__init__(detail)
        self.status = status


class NotPublished(ClipwireError):
    """The post ended, and not in the open; `post` is its last state, with the problem that ended it."""

    def __init__(self, post: PostDetail) -> None:
        why = (post.problem or {}).get("detail", "")
        super().__init__(f"{post.id} is {post.state}{f': {why}' if why else ''}")
        self.post = post


class BadId(ClipwireError, ValueError):
    """What was given as an id would be another address."""


class FileChanged(ClipwireError):
    """The file is not as long as it was when its upload began."""
