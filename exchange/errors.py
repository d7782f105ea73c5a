"""One tree of errors.

VenueError                  the venue, or the way to it, said no; every instance says what and names no secret
├── Rejected                the request was understood and refused: nothing changed
│   ├── WouldCross          a post-only order that would have taken
│   ├── DuplicateClientId   another open order bears the client id already (-4116)
│   ├── UnknownOrder        no such order (-2011, -2013): for a young order this proves nothing
│   ├── InsufficientMargin  -2018, -2019
│   ├── OutOfBounds         price, quantity or notional against a filter or the mark price
│   ├── LimitReached        open orders, position at this leverage, modifications, size of a batch
│   ├── NotPermitted        in this state of market, account or position
│   │   └── NoOrderNow      no order of the symbol is taken at all for the time being (-4088)
│   ├── NothingToChange     it is so already
│   └── BadRequest          the parameters make no sense: a fault of whoever sent them
├── OutcomeUnknown          no answer, 503, -1006, -1007: it may have been carried out
├── Unavailable             it certainly was not carried out, and may be tried again
├── Throttled               429: `retry_after_s`
├── Banned                  418 or 403: stop sending; `retry_after_s`
└── BadCredentials          signature, agent or key refused: trying again cannot help
"""

from __future__ import annotations


class VenueError(Exception):
    def __init__(self, message: str, *, code: int | None = None, http_status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.http_status = http_status

    def __str__(self) -> str:
        return self.message if self.code is None else f"{self.message} ({self.code})"


class Rejected(VenueError):
    pass


class WouldCross(Rejected):
    pass


class DuplicateClientId(Rejected):
    pass


class UnknownOrder(Rejected):
    pass


class InsufficientMargin(Rejected):
    pass


class OutOfBounds(Rejected):
    pass


class LimitReached(Rejected):
    pass


class NotPermitted(Rejected):
    pass


class NoOrderNow(NotPermitted):
    pass


class NothingToChange(Rejected):
    pass


class BadRequest(Rejected):
    pass


class OutcomeUnknown(VenueError):
    nonce: int | None = None
    """What the request was signed with, where it was with one."""


class Unavailable(VenueError):
    pass


class Throttled(VenueError):
    def __init__(self, message: str, *, retry_after_s: float, code: int | None = None) -> None:
        super().__init__(message, code=code, http_status=429)
        self.retry_after_s = retry_after_s


class Banned(VenueError):
    def __init__(self, message: str, *, retry_after_s: float, http_status: int = 418) -> None:
        super().__init__(message, http_status=http_status)
        self.retry_after_s = retry_after_s


class BadCredentials(VenueError):
    pass
