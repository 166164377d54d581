"""From upload to published, as one bar on stderr; in a pipe, one line per step."""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from libs.model.post import PostState
from libs.rest.posts import PostDetail
from services.cli.say import Say, clean

WHOLE: Final = 1000
UPLOADED: Final = 400
"""Where the bar stands when every file is with Clipwire; TikTok has the rest of it."""
SENT: Final = 900
STEPS: Final[dict[PostState, tuple[int, str]]] = {
    PostState.DRAFT: (UPLOADED, "kept as a draft"),
    PostState.SCHEDULED: (UPLOADED, "scheduled"),
    PostState.QUEUED: (UPLOADED, "waiting for its turn"),
    PostState.INITIALIZING: (UPLOADED, "asking TikTok"),
    PostState.UPLOADING: (UPLOADED, "sending to TikTok"),
    PostState.PROCESSING: (SENT, "TikTok is processing"),
    PostState.UNCONFIRMED: (SENT, "may be out, not confirmed"),
    PostState.IN_INBOX: (WHOLE, "in the creator's inbox"),
    PostState.PUBLISHED: (WHOLE, "published"),
    PostState.FAILED: (WHOLE, "failed"),
    PostState.CANCELLED: (WHOLE, "cancelled"),
}


class Bar:
    """One bar for as long as it is open. Says nothing at all with --json."""

    def __init__(self, say: Say, *, uploads: int = 0) -> None:
        self._say = say
        self._uploads = uploads
        self._done_files = 0
        self._said = ""
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=say.err,
            disable=not say.lively,
            transient=False,
        )
        self._task = self._progress.add_task("beginning", total=WHOLE)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def upload(self, name: str) -> Callable[[int, int], None]:
        """What to call with the progress of the next file."""
        before, share = self._done_files, UPLOADED / max(1, self._uploads)
        self._done_files += 1
        self._tell(f"uploading {name}")

        def sent(done: int, size: int) -> None:
            self._progress.update(self._task, completed=share * (before + done / max(1, size)))

        return sent

    def post(self, post: PostDetail) -> None:
        """The post has moved."""
        at, words = STEPS[post.state]
        if post.state is PostState.UPLOADING and post.publications:
            last = post.publications[-1]
            at += int((SENT - at) * last.sent_bytes / max(1, last.size))
        self._progress.update(self._task, completed=at)
        self._tell(words)

    def part(self, done: int, whole: int, words: str) -> None:
        """Of several things so many are done."""
        self._progress.update(self._task, completed=WHOLE * done / max(1, whole))
        self._tell(words)

    def _tell(self, words: str) -> None:
        words = clean(words)
        if words == self._said:
            return
        self._said = words
        self._progress.update(self._task, description=words)
        if not self._say.lively:
            self._say.note(words)
