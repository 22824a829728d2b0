"""What files and settings are read into: checked once, then never changed."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Fields that hold for good; one that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
