"""The page times as the toolkit does: the same loops on the same made-up clock take the same samples."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.benchmarks.latency.sampling import sample, warm_up

MS = 1_000_000
IN_PAGE = """async ({ name, durations, limits }) => {
  const module = await import(new URL("bench/sampling.js", document.baseURI).href);
  let now = 0;
  let place = 0;
  performance.now = () => now;
  const run = () => { now += durations[place++ % durations.length]; };
  return module[name](run, ...limits);
}"""


class Script:
    """Runs that take what a list says, in milliseconds, and the clock that they move on."""

    def __init__(self, durations) -> None:
        self.durations, self.now, self.place = durations, 0, 0

    def run(self) -> None:
        self.now += int(self.durations[self.place % len(self.durations)]) * MS
        self.place += 1

    def clock(self) -> int:
        return self.now


def durations(seed: int, noise: int) -> list[int]:
    rng = np.random.default_rng(seed)
    slow = [int(100 * 0.7**number) for number in range(12)]
    return [50 + more + int(rng.integers(0, noise + 1)) for more in (*slow, *[0] * 60)]


@pytest.mark.parametrize("noise", [0, 3, 40])
@pytest.mark.parametrize("at_most_s", [0, 1, 10])
def test_a_page_warms_up_as_long_as_the_toolkit_does(blank_page, noise, at_most_s):
    times = durations(1, noise)
    script = Script(times)
    expected = warm_up(script.run, at_most_s, script.clock)
    found = blank_page.evaluate(IN_PAGE, {"name": "warmUp", "durations": times, "limits": [at_most_s]})
    assert [ms * MS for ms in found["samples"]] == expected.samples_ns
    assert found["isSteady"] == expected.is_steady


@pytest.mark.parametrize("limits", [(1, 0, 0), (10, 0, 60), (1, 2, 60), (5, 5, 1), (100, 1, 3)])
def test_a_page_takes_the_samples_that_the_toolkit_does(blank_page, limits):
    times = durations(2, 10)
    script = Script(times)
    expected = sample(script.run, *limits, script.clock)
    found = blank_page.evaluate(IN_PAGE, {"name": "sample", "durations": times, "limits": list(limits)})
    assert [ms * MS for ms in found] == expected
