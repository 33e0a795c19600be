"""The one exception for what the user can mend."""


class InputError(Exception):
    """Bad input: the message is one line saying what is wrong, where, and what to do."""
