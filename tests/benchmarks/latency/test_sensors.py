from __future__ import annotations

from rapsam.benchmarks.latency.sensors import charges, memory_use, temperatures


def write(path, **files):
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text + "\n")


def test_thermometers_are_read_and_broken_ones_left_out(tmp_path):
    write(tmp_path / "thermal_zone0", type="cpu", temp="45500")
    write(tmp_path / "thermal_zone1", type="gpu", temp="-274000")
    write(tmp_path / "thermal_zone2", type="modem", temp="n/a")
    write(tmp_path / "thermal_zone3", temp="30000")
    write(tmp_path / "cooling_device0", type="fan")
    found = temperatures(1.5, tmp_path)
    assert [(one.sensor, one.celsius, one.t_s) for one in found] == [
        ("cpu", 45.5, 1.5),
        ("thermal_zone3", 30.0, 1.5),
    ]


def test_batteries_are_read_and_mains_left_out(tmp_path):
    write(tmp_path / "AC", type="Mains", online="1")
    write(tmp_path / "BAT0", type="Battery", capacity="80", status="Discharging")
    write(tmp_path / "BAT1", type="Battery", capacity="7", status="Unknown")
    write(tmp_path / "BAT2", type="Battery", capacity="700", status="Full")
    assert [(one.percent, one.charging) for one in charges(0.0, tmp_path)] == [(80.0, False), (7.0, None)]


def test_a_machine_without_sensors_says_nothing(tmp_path):
    assert temperatures(0.0, tmp_path / "none") == ()
    assert charges(0.0, tmp_path / "none") == ()
    assert memory_use(tmp_path / "none") is None


def test_memory_is_that_of_the_process(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmHWM:\t  409600 kB\nVmRSS:\t  204800 kB\n")
    found = memory_use(status)
    assert found is not None
    assert (found.now_mb, found.peak_mb) == (200, 400)
    status.write_text("VmHWM:\t\nVmRSS:\tx kB\n")
    assert memory_use(status) is None
