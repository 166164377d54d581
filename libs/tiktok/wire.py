"""The pieces that every call to TikTok is made of: its trace, its reply, and the shape of its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trace:
    """What a timeline keeps of one call. `status` is None when no reply came; `log_id` is "" when TikTok told none."""

    call: str
    """The endpoint in one word, such as `video_init`."""
    elapsed_ms: int
    status: int | None = None
    log_id: str = ""


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A success: what TikTok answered, and how the call went."""

    value: T
    trace: Trace

    @property
    def status(self) -> int | None:
        return self.trace.status

    @property
    def log_id(self) -> str:
        """TikTok's name for this call: what its support asks for."""
        return self.trace.log_id

    @property
    def elapsed_ms(self) -> int:
        return self.trace.elapsed_ms


class Wire(BaseModel):
    """An object TikTok sends. Unknown fields are ignored, null means absent, NUL is dropped: no database holds it."""

    # An error that quoted its input could carry a token into a log.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        return {
            name: value.replace("\0", "") if isinstance(value, str) else value
            for name, value in data.items()
            if value is not None
        }


def _id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return value
    raise ValueError("an id is a number or a text")


Id = Annotated[str, BeforeValidator(_id)]
"""A 64-bit id, always text on our side: TikTok sends numbers in places, and JSON readers round them (8, trap 17)."""

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Secret = Annotated[SecretStr, Field(min_length=1)]
"""A token or a signed URL: shows as stars unless asked for with `get_secret_value()`."""
