"""What is said on a terminal: one line where one is due, and text that is shown, never obeyed."""

import sys
import unicodedata


def visible(text: str) -> str:
    """`text` with every control and other unseen character but tab and newline as an escape.

    An escape sequence could otherwise hide text, retitle the window or type for its reader.
    """
    return "".join(character if _is_shown(character) else _escape(character) for character in text)


def _is_shown(character: str) -> bool:
    return character in "\t\n" or character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def say(*lines: str) -> None:
    """Print lines that hold names or text of others: visible on a terminal, else as they are."""
    shown = map(visible, lines) if sys.stdout.isatty() else lines
    print(*shown, sep="\n", flush=True)


def reason(error: BaseException) -> str:
    """What YAML, OmegaConf or Hydra said is wrong, and why, in one line."""
    said, cause = one_line(error), one_line(error.__cause__)
    return f"{said}: {cause}" if cause and cause not in said else said


def one_line(error: BaseException | None) -> str:
    """What an exception says, without the advice that libraries append; empty without one."""
    said = "" if error is None else str(error)
    for aside in ("full_key:", "Config search path:", "See https:"):
        said = said.partition(aside)[0]
    return " ".join(said.split())
