"""What changed between the running fleet and the one now wished for, and what of it cannot change live. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fleet.config.models import FleetConfig, SymbolConfig


@dataclass(frozen=True, slots=True)
class Change:
    """`removed` holds the configuration that goes, `changed` the old and the new one, `settings` changed sections.

    With anything in `refused`, nothing of the change may be applied.
    """

    added: dict[str, SymbolConfig]
    removed: dict[str, SymbolConfig]
    changed: dict[str, tuple[SymbolConfig, SymbolConfig]]
    settings: tuple[str, ...]
    refused: list[str]

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed or self.settings or self.refused)


def diff(old: FleetConfig, new: FleetConfig) -> Change:
    return Change(
        added={symbol: config for symbol, config in new.symbols.items() if symbol not in old.symbols},
        removed={symbol: config for symbol, config in old.symbols.items() if symbol not in new.symbols},
        changed={
            symbol: (before, new.symbols[symbol])
            for symbol, before in old.symbols.items()
            if symbol in new.symbols and new.symbols[symbol] != before
        },
        settings=tuple(
            name for name in ("budget", "dead_man", "logging", "risk") if getattr(old, name) != getattr(new, name)
        ),
        refused=_refused(old, new),
    )


def _refused(old: FleetConfig, new: FleetConfig) -> list[str]:
    """`paper` counts only while it is in use."""
    parts = {
        "fleet": ("the fleet's name is part of its orders' ids", old.fleet != new.fleet),
        "venue": ("orders and positions stay where they are", old.venue != new.venue),
        "paper": ("the paper exchange would begin anew", old.venue == "paper" and old.paper != new.paper),
        "control": ("the endpoint is being listened on", old.control != new.control),
        "ledger": ("its file is being written", old.ledger != new.ledger),
    }
    return [
        f"{name} cannot change while the fleet runs ({why}): stop it and start it again, or put {name} back"
        for name, (why, has_changed) in parts.items()
        if has_changed
    ]
