"""What the contracts of all events are made of."""

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """Fields that are newer than a reader are passed over by it."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
