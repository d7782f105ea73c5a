"""What a disk, an editor or a bad copy makes of a ledger file: one seeded kind of damage after the other.

Owns: the kinds, and doing each to a file. Must not know: who wrote it, who will read it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

_PAGE = 4096


def wal_of(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + "-wal")


def _nonsense(ledger: Path, rng: Random) -> None:
    wal_of(ledger).unlink(missing_ok=True)
    ledger.write_bytes(rng.randbytes(3 * _PAGE))


def _truncated(ledger: Path, rng: Random) -> None:
    _cut(ledger, rng)


def _truncated_without_log(ledger: Path, rng: Random) -> None:
    wal_of(ledger).unlink(missing_ok=True)
    _cut(ledger, rng)


def _emptied(ledger: Path, rng: Random) -> None:
    wal_of(ledger).unlink(missing_ok=True)
    ledger.write_bytes(b"")


def _deleted(ledger: Path, rng: Random) -> None:
    wal_of(ledger).unlink(missing_ok=True)
    ledger.unlink()


def _header_zeroed(ledger: Path, rng: Random) -> None:
    _overwrite(ledger, 0, bytes(100))


def _page_overwritten(ledger: Path, rng: Random) -> None:
    pages = max(ledger.stat().st_size // _PAGE, 1)
    _overwrite(ledger, rng.randrange(pages) * _PAGE, rng.randbytes(_PAGE))


def _log_lost(ledger: Path, rng: Random) -> None:
    wal_of(ledger).unlink(missing_ok=True)


def _log_truncated(ledger: Path, rng: Random) -> None:
    if wal_of(ledger).exists():
        _cut(wal_of(ledger), rng)


def _log_overwritten(ledger: Path, rng: Random) -> None:
    wal = wal_of(ledger)
    if wal.exists() and wal.stat().st_size:
        _overwrite(wal, rng.randrange(wal.stat().st_size), rng.randbytes(_PAGE))


KINDS: dict[str, Callable[[Path, Random], None]] = {
    "nonsense": _nonsense,
    "truncated": _truncated,
    "truncated, its log lost": _truncated_without_log,
    "a page overwritten": _page_overwritten,
    "its header zeroed": _header_zeroed,
    "emptied": _emptied,
    "deleted": _deleted,
    "its log lost": _log_lost,
    "its log truncated": _log_truncated,
    "its log overwritten": _log_overwritten,
}


def _cut(path: Path, rng: Random) -> None:
    with path.open("r+b") as file:
        file.truncate(rng.randrange(max(path.stat().st_size, 1)))


def _overwrite(path: Path, at: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(what)
