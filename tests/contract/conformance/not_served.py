"""Rows that the paper exchange is known not to pass.

Owns: their names. Must not know: why.
"""

from __future__ import annotations

NOT_SERVED: frozenset[str] = frozenset(())
