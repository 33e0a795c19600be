"""How every command of the project ends: a result, or one line and a non-zero status."""

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import NoReturn

from omegaconf.errors import OmegaConfBaseException

from pipeline.lm.errors import InputError
from pipeline.terminal import reason, visible

USAGE_ERROR = 2
INTERRUPTED = 130


def run(main: Callable[[], None]) -> NoReturn:
    """Run a command; the user's mistakes become one line on stderr, never a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name or a title may be in any script
    try:
        main()
        sys.stdout.flush()
    except InputError as error:
        sys.exit(complaint(error))
    except OmegaConfBaseException as error:  # what no typed view has read
        sys.exit(_say(f"error: the settings are not whole: {reason(error)}", USAGE_ERROR))
    except KeyboardInterrupt:
        sys.exit(_say("interrupted: run the same command to go on", INTERRUPTED))
    except BrokenPipeError:
        # The reader left (| head): nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def complaint(error: InputError) -> int:
    """Print what the user can mend; returns the exit status."""
    return _say(f"error: {error}", USAGE_ERROR)


def _say(message: str, status: int) -> int:
    print(visible(" ".join(message.splitlines())), file=sys.stderr, flush=True)
    return status
