"""Recipes: those of the package, a base, single changes, and what contradicts itself."""

import os

import msgspec
import pytest

from rapsam.errors import InputError
from rapsam.training.recipe_files import load_recipe, recipe_names


def test_the_recipes_of_the_package_are_read():
    assert recipe_names() == [
        "nano-synth",
        "nano-synth-prompts",
        "nano-synth-qat",
        "rapsam-r18-12e",
        "rapsam-r18-24e",
        "rapsam-r50-12e",
        "rapsam-r50-24e",
        "sam-encoder",
        "sam-nano-encoder",
        "sam-nano-prompts",
        "sam-nano-teacher",
        "sam-prompts",
    ]
    for name in recipe_names():
        assert load_recipe(name).name == name


@pytest.mark.parametrize("model", ["r18", "r50"])
@pytest.mark.parametrize("epochs", [12, 24])
def test_the_published_recipe(model, epochs):
    recipe = load_recipe(f"rapsam-{model}-{epochs}e")
    assert (recipe.model, recipe.epochs) == (f"rapsam_{model}", epochs)
    assert recipe.batch_statistics == "neck"
    optimiser = recipe.optimiser
    assert (optimiser.lr, optimiser.weight_decay, optimiser.backbone_factor) == (1e-4, 0.05, 0.1)
    assert (optimiser.clip_norm, optimiser.warmup_steps) == (0.01, 500)
    assert [round(share * epochs) for share in optimiser.milestones] == (
        [8, 11] if epochs == 12 else [16, 22]
    )
    assert (recipe.data.batch_size, recipe.data.prompts, recipe.loss.num_points) == (16, 30, 12_544)
    sources = {source.task: source for source in recipe.data.sources}
    assert (sources["instances"].repeat, sources["panoptic"].frames) == (25, 2)
    assert sources["prompt"].resize == (0.1, 2.0)
    assert recipe.loss.place_weight == 0
    assert recipe.prompt_start == "published"


def test_a_recipe_may_build_on_another(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "rapsam-r50-12e"\nname = "mine"\nseed = 7\n')
    mine, base = load_recipe(path), load_recipe("rapsam-r50-12e")
    assert (mine.name, mine.seed) == ("mine", 7)
    assert mine.data == base.data


def test_a_table_takes_what_it_does_not_say_from_the_base(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "nano-synth"\nname = "mine"\n[loss]\nnum_points = 99\n[optimiser]\nlr = 1e-5\n')
    mine, base = load_recipe(path), load_recipe("nano-synth")
    assert mine.loss == msgspec.structs.replace(base.loss, num_points=99)
    assert mine.optimiser == msgspec.structs.replace(base.optimiser, lr=1e-5)


def test_the_second_leg_of_the_shipped_weights_differs_in_its_prompts_only():
    first, second = load_recipe("nano-synth"), load_recipe("nano-synth-prompts")
    assert (second.data.boxed, second.data.clicks) == ("all", "inner")
    assert [source.repeat for source in second.data.sources if source.task == "prompt"] == [2]
    same = msgspec.structs.replace(
        second.data,
        boxed=first.data.boxed,
        clicks=first.data.clicks,
        sources=tuple(
            msgspec.structs.replace(source, repeat=1.0) if source.task == "prompt" else source
            for source in second.data.sources
        ),
    )
    assert same == first.data
    assert (second.loss, second.optimiser, second.model) == (first.loss, first.optimiser, first.model)


def test_single_values_change():
    recipe = load_recipe("nano-synth", ["optimiser.lr=1e-5", "model=rapsam_r18", "data.workers=0"])
    assert (recipe.optimiser.lr, recipe.model, recipe.data.workers) == (1e-5, "rapsam_r18", 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('base = "../nano-synth"', "base recipe"),
        ('base = "nano-synth"\nepoch = 3', "epoch"),
        ('base = "nano-synth"\nepochs = 0', "epochs"),
        ('base = "nano-synth"\nepochs = inf', "epochs"),
        ('base = "nano-synth"\n[optimiser]\nlr = inf', "lr"),
        ('base = "nano-synth"\n[optimiser]\nbetas = [1, 1]', "betas"),
        ("x = ", "no TOML"),
        ('base = "nano-synth"\nepochs = ' + "9" * 5000, "no TOML"),
        ("x = " + "[" * 100_000, "no TOML"),
        ("x." * 50_000 + "y = 1", "256 dots"),
        ('base = "nano-synth"\nepochs = 1e9', "epochs"),
        ('base = "nano-synth"\nepochs = ' + "9" * 100, "epochs"),
        ('base = "nano-synth"\nname = ""', "name"),
        ('base = "nano-synth"\n[data]\nheight = 8224', "height"),
        ('base = "nano-synth"\n[data]\nheight = ' + "9" * 4000, "height"),
        ('base = "nano-synth"\n[data]\nbatch_size = 1000000000', "batch_size"),
        ('base = "nano-synth"\n[data]\nprompts = 1000000000', "prompts"),
        ('base = "nano-synth"\n[loss]\nnum_points = 1000000000', "num_points"),
        ('base = "nano-synth"\n[optimiser]\naccumulate = 1000000000', "accumulate"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path, text, says):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        load_recipe(path)
    assert len(str(caught.value)) < 1500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("epochs=" + "9" * 5000, "cannot be read"),
        ("epochs=" + "[" * 100_000, "cannot be read"),
        ("epochs=" + '{"a":' * 100_000, "cannot be read"),
        ("epochs=NaN", "epochs"),
        ("optimiser.lr=Infinity", "lr"),
        ("a." * 100_000 + "b=1", "dots"),
        ("data.height=" + "9" * 1000, "height"),
        ("data.batch_size=1000000000", "batch_size"),
        ("\x1b[31m", "no '='"),
    ],
)
def test_changes_that_cannot_be_made_are_refused_in_one_short_line(change, says):
    with pytest.raises(InputError, match=says) as caught:
        load_recipe("nano-synth", [change])
    assert len(str(caught.value)) < 2500


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_recipe_that_is_no_plain_file_is_refused_at_once(make, tmp_path):
    path = tmp_path / "mine.toml"
    make(path)
    with pytest.raises(InputError, match="no plain file"):
        load_recipe(path)


SOURCE = """
name = "x"
model = "rapsam_nano"
epochs = 1
[data]
label_set = "synth"
height = 64
width = 64
[[data.sources]]
kind = "coco_panoptic"
folder = "."
"""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('task = "panoptic"\nresize = [2.0, 0.5]', "smaller factor first"),
        ('task = "prompt"\nframes = 2', "single images"),
        ('task = "panoptic"\nrepeat = 0', "repeat"),
        ('task = "panoptic"\nresize = [0.5, 1e300]', "resize"),
        ('task = "panoptic"\nsplit = "../../x"', "expected a word"),
        ('task = "panoptic"\nsplit = ""', "split"),
    ],
)
def test_contradictions_are_refused(tmp_path, line, says):
    path = tmp_path / "mine.toml"
    path.write_text(SOURCE + line + "\n")
    with pytest.raises(InputError, match=says):
        load_recipe(path)


@pytest.mark.parametrize("folder", ["../../..", "a/../../b", "/etc", "..", "", "a\\u0000b", "a\\\\..\\\\.."])
def test_a_folder_stays_below_the_data(folder, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SOURCE.replace('folder = "."', f'folder = "{folder}"') + 'task = "panoptic"\n')
    with pytest.raises(InputError, match="folder"):
        load_recipe(path)
