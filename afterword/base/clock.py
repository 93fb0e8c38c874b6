"""The system clock. Only entry points read it; they pass `now` down."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds since the epoch (UTC), with fractions."""

system_clock: Clock = time.time
