"""What all errors have in common that end in one line for the user, without a traceback; a check that leads to some."""

from __future__ import annotations

import errno


class UserError(ValueError):
    """Something that a user can put right; the message is one line that names the thing and the remedy."""


class Diverged(UserError):  # noqa: N818 - what happened, as below
    """A training whose loss is no finite number any more: other settings of a sweep may do better."""


class Incomplete(Exception):  # noqa: N818 - nothing failed as a whole
    """A job that is done, all but what could not be read, which was told by its name: the exit status is to be 1.

    Attributes:
        result: what the job returns all the same.
    """

    def __init__(self, result: float | None = None) -> None:
        super().__init__("not all could be read")
        self.result = result


def check_counts(least: int = 0, **counts: int) -> None:
    """Refuse what is no number of things where it is set: used much later, it would end in a traceback.

    Raises:
        ValueError: that names the first that is no whole number, or under ``least``.
    """
    for name, count in counts.items():
        if not isinstance(count, int) or count < least:
            raise ValueError(f"{name} must be a whole number, {least} or more, not {count}")


def is_unwritable(error: OSError) -> bool:
    """Whether an error is that a place can't be written to, where another one may be."""
    return error.errno in (errno.EACCES, errno.EEXIST, errno.ENOTDIR, errno.EPERM, errno.EROFS)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or the one that it was made from, is that no room was left on the disk, or for this user."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return error is not None and is_disk_full(error.__cause__)
