"""The one exception for what the user can mend, and the system's refusals in words."""

import errno

FULL = "make room, then run the same command again"
FORBIDDEN = "allow writing there, or name another folder in conf/paths"
IN_THE_WAY = "a file stands where a folder is needed: move it away"
REMEDIES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EROFS: FORBIDDEN,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.EEXIST: IN_THE_WAY,
    errno.ENOTDIR: IN_THE_WAY,
    errno.EISDIR: "a folder stands where a file is needed: move it away",
    errno.ENOENT: "commands are run from the repository's root",
}


class InputError(Exception):
    """Bad input: the message is one line saying what is wrong, where, and what to do."""


def in_words(error: OSError) -> str:
    """What the system refused, and what to do about it."""
    if error.errno is None:  # NumPy's, when the disk took only a part of an array
        return f"{error}: {FULL}"
    reason = error.strerror or str(error)
    return f"{reason}: {REMEDIES[error.errno]}" if error.errno in REMEDIES else reason
