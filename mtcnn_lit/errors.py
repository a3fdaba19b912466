"""Errors that are shown to the user as one line without a traceback, and checks that tell them apart."""

from __future__ import annotations

import errno


class UserError(ValueError):
    """An error that the user can fix; the message is one line that names the cause and the remedy."""


class Diverged(UserError):  # noqa: N818 - what happened, as below
    """A training whose loss is no finite number any more: other settings of a sweep may do better."""


class Incomplete(Exception):  # noqa: N818 - nothing failed as a whole
    """The job finished, but some inputs could not be read (each was logged). Exit status 1.

    Attributes:
        result: the job's return value.
    """

    def __init__(self, result: float | None = None) -> None:
        super().__init__("not all could be read")
        self.result = result


def check_counts(least: int = 0, **counts: int) -> None:
    """Reject counts that are not integers >= ``least``, before they fail somewhere less obvious.

    Raises:
        ValueError: for the first such count; the message names it.
    """
    for name, count in counts.items():
        if not isinstance(count, int) or count < least:
            raise ValueError(f"{name} must be a whole number, {least} or more, not {count}")


def is_unwritable(error: OSError) -> bool:
    """Whether an OSError means that this location is not writable, so that another one may work."""
    return error.errno in (errno.EACCES, errno.EEXIST, errno.ENOTDIR, errno.EPERM, errno.EROFS)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error or its cause is a full disk or an exhausted quota."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return error is not None and is_disk_full(error.__cause__)
