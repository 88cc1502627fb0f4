import json

import msgspec
import numpy as np
import pytest
from PIL import Image

from rapsam.errors import InputError
from rapsam.training.run.log import LogEntry
from rapsam.training.run.plot import plot_run


def _entry(step):
    return LogEntry(
        step=step,
        epoch=step / 100,
        loss=10 / step,
        losses={"class": 8 / step, "mask_bce": 2 / step},
        lr=1e-3,
        grad_norm=1.0,
        samples_per_s=20.0,
        wait_share=0.1,
        skipped=0,
    )


def test_curves_are_drawn_from_the_log(tmp_path):
    lines = [msgspec.json.encode(_entry(step)) for step in (20, 40, 60)]
    # The last line was cut off by a crash.
    (tmp_path / "log.jsonl").write_bytes(b"\n".join([*lines, lines[0][:30]]))
    picture = np.asarray(Image.open(plot_run(tmp_path)).convert("RGB"))
    assert picture.shape[0] > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_a_loss_that_begins_on_the_way_is_drawn_too(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    drawn = {}

    monkeypatch.setattr(Axes, "plot", lambda *given, label="", **_: drawn.update({label: given[2]}))
    monkeypatch.setattr(Axes, "legend", lambda *_, **__: None)
    later = msgspec.structs.replace(_entry(40), losses={**_entry(40).losses, "name": 3.0})
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, (_entry(20), later))))
    plot_run(tmp_path)
    assert np.isnan(drawn["name"][0])
    assert drawn["name"][1] == 3.0


def test_a_folder_without_a_log_is_no_run(tmp_path):
    with pytest.raises(InputError, match="folder of a training run"):
        plot_run(tmp_path)
    (tmp_path / "log.jsonl").touch()
    with pytest.raises(InputError, match="empty"):
        plot_run(tmp_path)


@pytest.mark.parametrize("damage", [b"{", b'{"step": "\xff"}'])
def test_a_damaged_line_in_the_middle_is_named(damage, tmp_path):
    line = msgspec.json.encode(_entry(20))
    (tmp_path / "log.jsonl").write_bytes(b"\n".join([line, damage, line]))
    with pytest.raises(InputError, match="line 2"):
        plot_run(tmp_path)


@pytest.mark.parametrize("name", ["a$x_{$b", "$\\\\frac$", "\x1b]0;title\x07", "\udcff", "\u4e2d", "x" * 200])
def test_names_are_no_mathematics_and_command_nothing(name, tmp_path):
    run = tmp_path / name
    run.mkdir()
    entry = msgspec.structs.replace(_entry(20), losses={"$\\frac$": 1.0, "_hidden": 2.0, "\x1b[31m": 1.0})
    (run / "log.jsonl").write_bytes(msgspec.json.encode(entry))
    assert plot_run(run).is_file()


@pytest.mark.parametrize(
    "change",
    [
        {"step": 10**40},
        {"step": 2**60},
        {"step": -1},
        {"skipped": 10**30},
        {"losses": {f"loss {number}": 1.0 for number in range(1000)}},
    ],
)
def test_an_entry_that_no_run_wrote_is_refused(change, tmp_path):
    fields = {**msgspec.to_builtins(_entry(20)), **change}
    line = json.dumps(fields).encode()
    (tmp_path / "log.jsonl").write_bytes(line + b"\n" + line)
    with pytest.raises(InputError, match="line 1 is damaged"):
        plot_run(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"9" * 5000, b"[" * 100_000, b"null"])
def test_what_is_no_entry_is_one_short_line(damage, tmp_path):
    (tmp_path / "log.jsonl").write_bytes(damage + b"\n" + msgspec.json.encode(_entry(20)))
    with pytest.raises(InputError, match="line 1 is damaged") as caught:
        plot_run(tmp_path)
    assert len(str(caught.value)) < 1500
