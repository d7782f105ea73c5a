"""A fleet's configuration as it is in force, written down: merged, with every default, and without what may be secret.

Owns: that text. Must not know: where it is kept.
"""

from __future__ import annotations

import json
import re

from fleet.config.models import FleetConfig

_LOGIN = re.compile(r"(?<=://)[^/\s@]*@")
"""`name:password@` in an address."""


def effective_text(config: FleetConfig) -> str:
    """JSON with sorted keys: the same configuration gives the same text."""
    text = json.dumps(config.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)
    return _LOGIN.sub("***@", text)
