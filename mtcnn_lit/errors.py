"""What all errors have in common that end in one line for the user, without a traceback."""

from __future__ import annotations


class UserError(ValueError):
    """Something that a user can put right; the message is one line that names the thing and the remedy."""
