import msgspec
import numpy as np
import pytest
from PIL import Image

from rapsam.errors import InputError
from rapsam.training.plot import plot_run
from rapsam.training.run_log import LogEntry


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
