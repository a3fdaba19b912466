"""What all errors have in common that end in one line for the user, without a traceback."""

from __future__ import annotations

import errno


class UserError(ValueError):
    """Something that a user can put right; the message is one line that names the thing and the remedy."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or the one that it was made from, is that no room was left on the disk, or for this user."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return error is not None and is_disk_full(error.__cause__)
