"""``lacuna``: run the command line and turn what a user can mend into one clear message."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading

from lacuna.strangers import use_own_packages

EXIT_BAD_INPUT = 2
EXIT_STOPPED = 130  # as shells have it: 128 and the number of SIGINT

MANY_OBJECTS = 20_000  # Choice: Python's 700 take 6 % of a replay, to look again at what imports made

gc.set_threshold(MANY_OBJECTS, 100, 100)
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # or it looks through all that is installed
use_own_packages()  # before the first of them is imported

try:
    from lacuna.app import app
    from lacuna.console import Stopped, shell, show_error, show_stopped
    from traces import LacunaError
except KeyboardInterrupt:  # pressed while Python still loads
    sys.stderr.write("stopped; nothing was begun\n")
    sys.exit(EXIT_STOPPED)


def main() -> None:
    """Run the command line; bad input ends with one message and exit code 2."""
    _write_what_can_be()
    sys.unraisablehook = _press_again
    try:
        app()
    except Stopped as stop:
        show_stopped(str(stop))
        sys.exit(EXIT_STOPPED)
    except SystemExit as end:
        if end.code == EXIT_STOPPED:  # typer's way to end on Ctrl-C
            show_stopped(f"nothing is half written; start again with: {shell('lacuna', *sys.argv[1:])}")
        raise
    except LacunaError as error:
        show_error(str(error))
        sys.exit(EXIT_BAD_INPUT)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        show_error(str(LacunaError(f"{where}{error.strerror or error}")))  # clipped, and printable
        sys.exit(EXIT_BAD_INPUT)


def _press_again(lost: sys.UnraisableHookArgs) -> None:
    """Press Ctrl-C again where compiled code has swallowed it, without a word: there no caller is told of it."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(lost)


def _write_what_can_be() -> None:
    """Let a terminal that has no sign for a letter show a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
