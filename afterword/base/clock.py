"""The only place that asks what time it is. Entry points read it once and hand `now` down."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since the epoch (UTC), with fractions."""

system_clock: Clock = time.time
