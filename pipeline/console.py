"""How every command of the project ends: a result, or one line and a non-zero status."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import NoReturn

from omegaconf.errors import OmegaConfBaseException

from pipeline.lm.io.errors import InputError, in_words
from pipeline.terminal import one_line, reason, visible

OUT_OF_MEMORY = 1
USAGE_ERROR = 2
INTERRUPTED = 130


def run(main: Callable[[], None]) -> NoReturn:
    """Run a command; what goes wrong becomes one line on stderr, never a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name or a title may be in any script
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ending: a second one has no use
        sys.exit(_say("interrupted: run the same command to go on", INTERRUPTED))
    except BrokenPipeError:
        # The reader left (| head): nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        sys.exit(complaint(error))
    sys.exit(0)


def complaint(error: Exception) -> int:
    """Print what the user can mend; returns the exit status. Any other error is raised again."""
    if isinstance(error, InputError):
        return _say(f"error: {error}", USAGE_ERROR)
    if isinstance(error, OmegaConfBaseException):  # what no typed view has read
        return _say(f"error: the settings are not whole: {reason(error)}", USAGE_ERROR)
    if _is_out_of_memory(error):
        detail = one_line(error) or "no size given"
        return _say(
            f"error: out of memory ({detail}): free some, or ask for less: a smaller model or "
            "train.batch, or a corpora.*.limit",
            OUT_OF_MEMORY,
        )
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"error: {where}{in_words(error)}", USAGE_ERROR)
    raise error


def _is_out_of_memory(error: Exception) -> bool:
    """Python's and NumPy's way to say so, the system's, and torch's."""
    systems = isinstance(error, OSError) and error.errno == errno.ENOMEM
    torchs = isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("can't allocate memory", "out of memory")
    )
    return isinstance(error, MemoryError) or systems or torchs


def _say(message: str, status: int) -> int:
    print(visible(" ".join(message.splitlines())), file=sys.stderr, flush=True)
    return status
