from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from processes import paper


@pytest.fixture
def anyio_backend() -> str:
    """Clients by others run as they run everywhere, whatever loops ours knows."""
    return "asyncio"


@pytest.fixture(scope="module")
def card() -> Generator[dict[str, Any]]:
    with paper("--symbols", "ASTERUSDT") as card:
        yield card
