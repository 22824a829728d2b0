"""``lacuna``: run the command line and turn what a user can mend into one clear message."""

from __future__ import annotations

import sys

from lacuna.own import use_own_packages

use_own_packages()  # before the first of them is imported

from lacuna.app import app  # noqa: E402
from lacuna.console import Stopped, shell, show_error, show_stopped  # noqa: E402
from traces import LacunaError  # noqa: E402

EXIT_BAD_INPUT = 2
EXIT_STOPPED = 130  # as shells have it: 128 and the number of SIGINT


def main() -> None:
    """Run the command line; bad input ends with one message and exit code 2."""
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
        show_error(f"{where}{error.strerror or error}")
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
