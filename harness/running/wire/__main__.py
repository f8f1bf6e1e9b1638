"""``python -m harness.running.wire CONFIG.json``: the wire process."""

import os
import sys
from contextlib import suppress

from harness.running.wire.process import main

# The wire is part of the instrument: where it is allowed to, it goes before what it measures on a busy machine.
with suppress(OSError):
    os.nice(-10)
sys.exit(main(sys.argv[1:]))
