"""Embeddings on disk: written once, gone on with, and refused when they are not what they were."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import subprocess
import sys
import weakref
from collections import namedtuple
from pathlib import Path

import msgspec
import numpy as np
import pytest
import safetensors.torch
import torch
from lightning_fabric import Fabric

from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.models.origins import weights_sha256
from rapsam.tasks.preprocess import normalised_square
from rapsam.training import embeddings, lessons, shared_folder
from rapsam.training.config import DataConfig, SourceConfig
from rapsam.training.embeddings import EmbeddingError, EmbeddingStore, Place, Seal
from rapsam.training.lessons import Teacher, build_student, forget_encoder, keep_embeddings
from rapsam.training.recipe_files import load_recipe
from rapsam.training.samples import MixedSamples, MixedSource
from tests.models.sam.small_networks import small_sam

SIDE, IMAGES = 64, 4
SOURCE = SourceConfig(task="points", kind="coco_panoptic", folder="a/b", resize=(1.0, 1.0))
SEAL = Seal(teacher="repvit", weights_sha256="ab" * 32, side=SIDE, shape=(256, 4, 4))
IMAGE = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


@pytest.fixture
def store(tmp_path):
    return EmbeddingStore(tmp_path / "kept", SEAL, tmp_path)


@pytest.fixture
def embedding():
    return torch.randn(256, 4, 4, generator=torch.Generator().manual_seed(0))


class Source:
    """Drawn images of which the reading can fail, or be interrupted."""

    def __init__(self, broken=(), interrupted_at=None):
        self.images, self.broken, self.interrupted_at = (
            SynthImages(3, IMAGES, (48, 64)),
            broken,
            interrupted_at,
        )
        self.name, self.label_set = self.images.name, self.images.label_set

    def __len__(self):
        return IMAGES

    def num_frames(self, index):
        return self.images.num_frames(index)

    def read(self, index, frames=None):
        if index == self.interrupted_at:
            raise KeyboardInterrupt
        if index in self.broken:
            raise InputError(f"image {index} is broken")
        return self.images.read(index, frames)


def _samples(source):
    data = DataConfig(height=SIDE, width=SIDE, flip=0, boxed="all", sources=(SOURCE,))
    return MixedSamples([MixedSource(source, SOURCE, np.zeros(20, np.int64), 0)], data, 0)


def _teacher(folder):
    network = small_sam("repvit")
    seal = Seal(
        teacher="repvit", weights_sha256=weights_sha256(network.state_dict()), side=SIDE, shape=(256, 4, 4)
    )
    return Teacher(network, EmbeddingStore(folder, seal, folder.parent))


def _keep(teacher, source):
    notes, steps = [], []
    keep_embeddings(
        Fabric(accelerator="cpu", devices=1), teacher, _samples(source), notes.append, _into(steps)
    )
    return notes, steps


def _into(steps):
    return lambda done, total, _note: steps.append((done, total))


def test_an_embedding_comes_back_in_half_precision(store, embedding):
    store.write(Place(SOURCE, 7), IMAGE, embedding)
    found = store.read(Place(SOURCE, 7), IMAGE)
    assert found.dtype == torch.float32
    assert torch.equal(found, embedding.half().float())
    path = store.path(Place(SOURCE, 7))
    named, *rest = path.relative_to(store.folder).parts
    assert named.startswith("coco_panoptic-a_b-train-")
    assert rest == ["000000", "000000007.safetensors"]
    assert path.stat().st_size <= store.bytes_per_image < path.stat().st_size + 300


def test_a_teachers_embeddings_are_computed_once(tmp_path):
    teacher = _teacher(tmp_path / "kept")
    notes, steps = _keep(teacher, Source())
    assert steps == [(done, IMAGES) for done in range(1, IMAGES + 1)]
    (note,) = notes
    assert f"0 of {IMAGES} are in {tmp_path / 'kept'}, the others take 0.0 MB" in note
    place, image = Place(SOURCE, 2), SynthImages(3, IMAGES, (48, 64)).read(2).frames[0]
    with torch.no_grad():
        wanted = teacher.network.encode(torch.from_numpy(normalised_square(image, SIDE).pixels))[0]
    assert torch.equal(teacher.store.read(place, image), wanted.half().float())

    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.safetensors")}
    assert len(made) == IMAGES
    assert _keep(teacher, Source(interrupted_at=0)) == ([], [])  # nothing is read again
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_what_an_interruption_left_is_gone_on_with(tmp_path):
    teacher = _teacher(tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        _keep(teacher, Source(interrupted_at=2))
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.safetensors")}
    assert len(made) == 2
    teacher.store.check()
    notes, steps = _keep(teacher, Source())
    assert "2 of 4 are in" in notes[0]
    assert steps == [(1, 2), (2, 2)]
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_an_image_that_cannot_be_read_has_no_embedding(tmp_path):
    _, steps = _keep(_teacher(tmp_path / "kept"), Source(broken=(1,)))
    assert [done for done, _ in steps] == [1, 3, 4]


@pytest.mark.parametrize("broken", [(), range(IMAGES)], ids=["that are there", "that cannot be read"])
def test_processes_meet_between_images(tmp_path, monkeypatch, broken):
    """Also where nothing is computed: one that looks up a million files would let the others wait."""
    teacher, turns = _teacher(tmp_path / "kept"), []
    if not broken:
        _keep(teacher, Source())
    monkeypatch.setattr(lessons, "TURN_S", 0)
    monkeypatch.setattr(lessons, "any_process", lambda _, flag: turns.append(flag) or flag)
    _keep(teacher, Source(broken=broken))
    assert len(turns) > IMAGES * (2 if broken else 1)


class Paired:
    """The first of two processes, of which the other says yes to all."""

    world_size, is_global_zero, device = 2, True, torch.device("cpu")

    def broadcast(self, value):
        return value

    def all_reduce(self, values, reduce_op):
        assert reduce_op == "mean"
        return values / self.world_size


@pytest.mark.parametrize("number", [errno.EACCES, errno.ESTALE, errno.EIO])
def test_a_folder_that_cannot_be_looked_into_is_not_seen(tmp_path, monkeypatch, number):
    looks, exists = [], Path.exists

    def failing(path, **options):
        if not path.name.startswith(".shared-"):
            return exists(path, **options)
        looks.append(path)
        if len(looks) <= fails:
            raise OSError(number, os.strerror(number))
        return exists(path, **options)

    monkeypatch.setattr(Path, "exists", failing)
    monkeypatch.setattr(shared_folder, "PATIENCE_S", 0.05)
    monkeypatch.setattr(shared_folder, "_LOOK_EVERY_S", 0.01)
    fails = 2
    shared_folder.check_shared(Paired(), tmp_path, "share it")
    assert len(looks) == fails + 1
    fails = 10**6
    with pytest.raises(InputError, match=r"is another folder for some processes: .*; share it"):
        shared_folder.check_shared(Paired(), tmp_path, "share it")
    assert not list(tmp_path.iterdir())


def test_data_sets_of_one_name_in_two_places_share_a_folder(store, embedding, tmp_path):
    elsewhere, place = EmbeddingStore(store.folder, SEAL, tmp_path / "elsewhere"), Place(SOURCE, 0)
    for mine, image in ((store, IMAGE), (elsewhere, IMAGE + 1)):
        assert mine.missing([place]) == [place]
        mine.write(place, image, embedding)
    assert torch.equal(store.read(place, IMAGE), elsewhere.read(place, IMAGE + 1))
    spelled_alike = Place(msgspec.structs.replace(SOURCE, folder="a_b"), 0)
    assert store.missing([spelled_alike]) == [spelled_alike]


def test_a_run_that_begins_later_does_not_take_a_folder_over(store):
    other = EmbeddingStore(
        store.folder,
        Seal(teacher="repvit", weights_sha256="cd" * 32, side=SIDE, shape=(256, 4, 4)),
        store.folder,
    )
    for each in (store, other):
        each.check()
    store.begin(1)
    with pytest.raises(InputError, match="holds embeddings of repvit"):
        other.begin(1)
    store.check()


def test_a_folder_of_another_teacher_is_refused(store, tmp_path):
    store.begin(1)
    store.check()
    for other in (
        Seal(teacher="repvit", weights_sha256="cd" * 32, side=SIDE, shape=(256, 4, 4)),
        Seal(teacher="repvit", weights_sha256="ab" * 32, side=128, shape=(256, 8, 8)),
    ):
        with pytest.raises(
            InputError, match=r"holds embeddings of repvit \(abab.*\) at 64 px; expected those"
        ):
            EmbeddingStore(store.folder, other, store.folder).check()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="holds other files than embeddings"):
        EmbeddingStore(tmp_path / "mine", SEAL, tmp_path).check()
    (store.folder / embeddings.SEAL_NAME).write_text("{")
    with pytest.raises(InputError, match="what rapsam wrote about embeddings: remove"):
        store.check()


def test_a_student_with_embeddings_of_another_shape_is_refused(tmp_path):
    """As between families: the networks of this one have one stride."""
    config = load_recipe("sam-nano-encoder", [])
    shape = (256, 4, 4)
    seal = Seal(teacher="repvit", weights_sha256="ab" * 32, side=config.data.height, shape=shape)
    teacher = Teacher(small_sam("repvit"), EmbeddingStore(tmp_path, seal, tmp_path))
    with pytest.raises(
        InputError,
        match="repvit embeds an image of 128 px as 256x4x4, edge_sam_nano as 256x8x8; expected a teacher",
    ):
        build_student(config, teacher, None, None)


def _altered(path):
    tensors = safetensors.torch.load_file(path)
    tensors["embedding"][0, 0, 0] += 1
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    safetensors.torch.save_file(tensors, path, metadata)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_altered, "was altered, or is not of repvit"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "cannot read"),
        (lambda path: path.unlink(), "does not exist; start again"),
        (lambda path: safetensors.torch.save_file({"other": torch.zeros(1)}, path), "cannot read"),
        (
            lambda path: safetensors.torch.save_file({"embedding": torch.zeros(256, 4, 4)}, path),
            "its numbers are torch.float32",
        ),
        (
            lambda path: safetensors.torch.save_file({"embedding": torch.zeros(256, 4, 4).half()}, path),
            "of another image",
        ),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(store, embedding, harm, says):
    place = Place(SOURCE, 0)
    store.write(place, IMAGE, embedding)
    harm(store.path(place))
    with pytest.raises(EmbeddingError, match=says) as caught:
        store.read(place, IMAGE)
    assert "\n" not in str(caught.value)


def test_the_embedding_of_another_image_or_teacher_is_refused(store, embedding, tmp_path):
    place = Place(SOURCE, 0)
    store.write(place, IMAGE, embedding)
    with pytest.raises(EmbeddingError, match="the data have changed"):
        store.read(place, IMAGE + 1)
    # Copied into the folder of another teacher, as no one should.
    other = EmbeddingStore(
        tmp_path / "other",
        Seal(teacher="repvit", weights_sha256="cd" * 32, side=SIDE, shape=(256, 4, 4)),
        tmp_path,
    )
    shutil.copytree(store.folder, other.folder)
    with pytest.raises(EmbeddingError, match="is not of repvit"):
        other.read(place, IMAGE)


def test_numbers_that_float16_has_not_are_refused(store, embedding):
    embedding[3, 2, 1] = 1e5
    with pytest.raises(EmbeddingError, match="not finite in float16"):
        store.write(Place(SOURCE, 0), IMAGE, embedding)
    assert not store.path(Place(SOURCE, 0)).exists()


def test_too_small_a_disk_is_told_before_anything_is_computed(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(embeddings.shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 20_000, 20_000))
    with pytest.raises(
        InputError, match=r"4 embeddings take 0.0 MB, the disk of .* has 0.0 MB free"
    ) as caught:
        _keep(_teacher(tmp_path / "kept"), Source(interrupted_at=0))
    assert "free some space, or choose another folder" in str(caught.value)


def test_a_disk_that_fills_on_the_way_is_told(tmp_path, monkeypatch):
    teacher = _teacher(tmp_path / "kept")
    _keep(teacher, Source(broken=(2, 3)))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rapsam.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left on device; free some space"):
        teacher.store.write(Place(SOURCE, 2), IMAGE, torch.zeros(256, 4, 4))
    assert not teacher.store.path(Place(SOURCE, 2)).exists()
    assert len(list((tmp_path / "kept").rglob("*.safetensors"))) == 2


def test_a_teacher_whose_embeddings_are_kept_has_no_encoder_in_memory(tmp_path):
    teacher = _teacher(tmp_path / "kept")
    _keep(teacher, Source())
    embedding = teacher.store.read(Place(SOURCE, 0), SynthImages(3, IMAGES, (48, 64)).read(0).frames[0])[None]
    asked = torch.tensor([[[20.0, 30.0], [0.0, 0.0]]]), torch.tensor([[1.0, -1.0]])
    before = teacher.network.answer(embedding, *asked).mask_logits
    held = [weakref.ref(tensor) for tensor in teacher.network.image_encoder.parameters()]
    forget_encoder(teacher)
    gc.collect()
    assert held
    assert not any(reference() is not None and not reference().is_meta for reference in held)
    assert all(tensor.is_meta for tensor in teacher.network.image_encoder.state_dict().values())
    assert torch.equal(teacher.network.answer(embedding, *asked).mask_logits, before)


TWO = """
import sys, time
from datetime import timedelta
from pathlib import Path
from lightning_fabric import Fabric
from rapsam.errors import InputError
from torch.distributed.distributed_c10d import _set_pg_timeout
from rapsam.training import lessons, shared_folder
from tests.training.test_embeddings import Source, _samples, _teacher

case, root = sys.argv[1], Path(sys.argv[2])
fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
fabric.launch()
fabric.barrier()
# Only now, for the start of a process may take longer.
_set_pg_timeout(timedelta(seconds=14))
second = fabric.global_rank == 1
lessons.TURN_S = shared_folder.PATIENCE_S = 0.5


class Slow(Source):
    def read(self, index, frames=None):
        if second:
            time.sleep(8)
        return super().read(index, frames)


def unreadable(path, is_file=Path.is_file):
    if path.suffix == ".safetensors":
        raise PermissionError(13, "Permission denied", str(path))
    return is_file(path)


if case == "unreadable" and second:
    Path.is_file = unreadable
folder = root / ("elsewhere" if case == "apart" and second else "kept")
try:
    lessons.keep_embeddings(fabric, _teacher(folder), _samples(Slow()), lambda line: None, lambda *_: None)
except InputError as error:
    (root / f"refused-{fabric.global_rank}").write_text(str(error))
"""


def _two_processes(case, folder):
    script = folder / "two.py"
    script.write_text(TWO)
    # The script lies elsewhere, and an installed distribution may bring a `tests` of its own.
    surroundings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, script, case, folder], capture_output=True, text=True, timeout=300, env=surroundings
    )


@pytest.mark.slow
def test_a_slow_share_takes_longer_than_processes_wait_for_each_other(tmp_path):
    """Two images of eight seconds in one process; a collective that waited for both would end after 14."""
    done = _two_processes("slow", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not list(tmp_path.glob("refused-*"))
    assert len(list((tmp_path / "kept").rglob("*.safetensors"))) == IMAGES
    assert not list((tmp_path / "kept").glob(".shared-*"))


@pytest.mark.slow
def test_a_folder_that_processes_do_not_share_is_refused(tmp_path):
    done = _two_processes("apart", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for rank, name in enumerate(("kept", "elsewhere")):
        said = (tmp_path / f"refused-{rank}").read_text()
        assert said.startswith(f"{tmp_path / name} is another folder for some processes")
        assert "expected --embeddings in a folder that all machines share" in said
        assert "\n" not in said
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.slow
def test_a_folder_that_one_process_cannot_look_into_ends_all(tmp_path):
    done = _two_processes("unreadable", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    here, there = ((tmp_path / f"refused-{rank}").read_text() for rank in (1, 0))
    assert here.startswith(f"cannot read {tmp_path / 'kept'}")
    assert "Permission denied" in here
    assert there == "another process could not look into the folder of the embeddings; see what it says"
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("number", [errno.EACCES, errno.ESTALE, errno.EIO])
def test_files_that_cannot_be_looked_up_are_told(store, embedding, monkeypatch, number):
    store.write(Place(SOURCE, 0), IMAGE, embedding)

    def failing(path):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "is_file", failing)
    with pytest.raises(InputError, match=rf"cannot read {store.folder} \(.*{os.strerror(number)}"):
        store.missing([Place(SOURCE, 0)])
    with pytest.raises(EmbeddingError, match=os.strerror(number)):
        store.read(Place(SOURCE, 0), IMAGE)
    with pytest.raises(InputError, match=os.strerror(number)):
        store.check()
