from __future__ import annotations

import pytest
from loguru import logger

# Its default sink writes every variable of a traceback, which for a whole fleet takes minutes.
logger.remove()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
