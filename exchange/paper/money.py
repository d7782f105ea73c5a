"""What amounts of money are rounded to.

Owns: these two figures. Must not know: anything.
"""

from __future__ import annotations

from decimal import Decimal

CENT8 = Decimal("0.00000001")
ZERO = Decimal(0)
