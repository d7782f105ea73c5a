from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

# The still market is the paper exchange's own tests' too.
sys.path.insert(0, str(Path(__file__).parents[1] / "paper"))

from contract_house import WAYS, House, Way, open_house


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param


@pytest.fixture
def anyio_backend(way: Way) -> tuple[str, dict[str, Any]]:
    return way.backend


@pytest.fixture
async def house(way: Way) -> AsyncGenerator[House]:
    async with open_house(way) as opened:
        yield opened
