"""How long tests wait for a device, and how often they look at it."""

from __future__ import annotations

from rapsam.benchmarks.runners.android.device import Patience
from rapsam.benchmarks.runners.android.watching import Watch

WATCH = Watch(look_s=0.05, sensors_s=0.2, hang_s=30.0, cool_s=0.2, cool_look_s=0.05)
PATIENCE = Patience(reconnect_s=15.0, pause_s=0.05)
