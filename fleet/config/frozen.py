"""What every part of a fleet file is made of: frozen models that take no key they do not know.

Owns: these bases. Must not know: any part.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from strategies.units import wrong


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise wrong("is no whole number", "a whole number such as 10")
    return value


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise wrong("is no number", "a number such as 1.5")
    return value


Whole = Annotated[int, BeforeValidator(_no_bool)]

Number = Annotated[float, BeforeValidator(_no_truth)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
