"""``python -m udocker_core`` is ``udocker``."""

import sys

from udocker_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
