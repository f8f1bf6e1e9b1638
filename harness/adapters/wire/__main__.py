"""``python -m harness.adapters.wire CONFIG.json``: the wire process."""

import sys

from harness.adapters.wire.process import main

sys.exit(main(sys.argv[1:]))
