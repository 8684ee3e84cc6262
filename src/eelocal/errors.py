"""The one kind of error that eelocal answers a request with."""

from __future__ import annotations


class EEError(Exception):
    """A refusal in the service's terms: what a REST error body carries.

    Attributes:
        code: the HTTP status code.
        message: the text that the client shows, one line.
        status: the canonical status name, such as ``INVALID_ARGUMENT``.
        located: whether the message already names the operation that refused.
    """

    def __init__(self, message: str, code: int = 400, status: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.code: int = code
        self.message: str = message
        self.status: str = status
        self.located: bool = False

    def again(self) -> EEError:
        """Return an error like this one: one that is kept must not be raised, since it would keep its traceback."""
        copy = EEError(self.message, self.code, self.status)
        copy.located = True  # it has nothing to do with the operation that it happens to stop
        return copy


def bad_request(message: str) -> EEError:
    """Return a 400 ``INVALID_ARGUMENT``: the request itself is wrong."""
    return EEError(message, 400, "INVALID_ARGUMENT")


def not_found(message: str) -> EEError:
    """Return a 404 ``NOT_FOUND``: a named thing does not exist."""
    return EEError(message, 404, "NOT_FOUND")
