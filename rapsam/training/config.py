"""What a training run is told: a recipe, as TOML or JSON, with every number in one place."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rapsam.data.augment.prompts import Clicks
from rapsam.errors import quoted
from rapsam.quantize.scheme import Quantisation

_LARGEST = sys.float_info.max
"""TOML knows `inf`; no setting may be infinite."""
Positive = Annotated[float, Meta(gt=0, le=_LARGEST)]
Factor = Annotated[float, Meta(gt=0, le=100)]
Times = Annotated[float, Meta(gt=0, le=1_000_000)]
NotNegative = Annotated[float, Meta(ge=0, le=_LARGEST)]
Share = Annotated[float, Meta(ge=0, le=1)]
Decay = Annotated[float, Meta(ge=0, lt=1)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Few = Annotated[int, Meta(ge=1, le=10_000)]
Side = Annotated[int, Meta(ge=32, le=8192, multiple_of=32)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Precision = Literal["fp32", "bf16", "fp16"]
BatchStatistics = Literal["all", "neck", "none"]
_SPLIT = re.compile(r"\w[\w.-]*")


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a recipe; a misspelt key is an error."""


class SourceConfig(_Part, frozen=True, kw_only=True):
    """One data set in one of its uses.

    Attributes:
        task: "panoptic" (all segments), "instances" (things only), "prompt", or "points": whole images for
            networks that answer points (a recipe with a `lesson`).
        kind: Format, one of `rapsam.data.sources.kinds.SOURCES`.
        folder: Folder of the data set below the data root.
        split: As its owners call it: "train", "val", "valid".
        repeat: How often an epoch visits each image or video, the weight of the source in the mixture; of a
            fraction, each epoch takes another random part.
        frames: Frames of a clip; an image makes them by independent crops.
        interval: Largest distance in frames between neighbours in a clip of a video.
        resize: Smallest and largest factor of the random resize.
        unannotated: What its samples teach about the model's classes that it never annotates, as stuff in
            videos of things: "void" (they are not there: the published recipe) or "ignored" (nothing).
        orientation: The pixels that annotations describe where a file has an EXIF orientation and its size
            does not tell: "stored" or "displayed"; None to go by the other files of the data set.
    """

    task: Literal["panoptic", "instances", "prompt", "points"]
    kind: Name
    folder: Name
    split: Name = "train"
    repeat: Times = 1.0
    frames: Annotated[int, Meta(ge=1, le=16)] = 1
    interval: Few = 2
    resize: tuple[Factor, Factor] = (0.8, 2.0)
    unannotated: Literal["void", "ignored"] = "void"
    orientation: Literal["stored", "displayed"] | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for values that contradict each other."""
        parts = self.folder.replace("\\", "/").split("/")
        if self.folder.startswith("/") or ".." in parts or not self.folder.isprintable():
            raise ValueError(f"folder {quoted(self.folder)}; expected a folder below --data")
        if not _SPLIT.fullmatch(self.split):
            raise ValueError(f"split {quoted(self.split)}; expected a word such as 'train'")
        if self.resize[0] > self.resize[1]:
            raise ValueError(f"resize {list(self.resize)}; expected the smaller factor first")
        if self.task in ("prompt", "points") and self.frames != 1:
            raise ValueError(f"frames {self.frames} for prompts, which work on single images; expected 1")
        if self.task == "points" and self.resize != (1.0, 1.0):
            raise ValueError(f"resize {list(self.resize)} for points, asked of whole images; expected [1, 1]")


class DataConfig(_Part, frozen=True, kw_only=True):
    """Samples.

    Attributes:
        label_set: Vocabulary of the model; None for one that names no classes.
        height: Of the crops, a multiple of 32.
        width: Of the crops, a multiple of 32.
        flip: Share of mirrored samples.
        colour: Strength of the change of brightness, contrast and saturation; 0 for none.
        prompts: Prompts per image.
        box_prompts: Share of prompts that are boxes, the others being points; with a `lesson` share of images
            that are asked with boxes, the others with points.
        boxed: What boxes ask for: things, as published, or all segments.
        clicks: Where points lie: on any pixel, as published, or on inner ones, as when models are scored.
        min_prompt_area: Smaller masks, in pixels of the crop, are not prompted.
        batch_size: Samples of a step, over all processes together.
        workers: Processes that load, per training process.
        test_sides: Long and short side that images have to fit when the weights are used; None as published.
        sources: What is mixed.
    """

    label_set: Name | None = None
    height: Side
    width: Side
    flip: Share = 0.5
    colour: NotNegative = 0.0
    prompts: Few = 30
    box_prompts: Share = 0.0
    boxed: Literal["things", "all"] = "things"
    clicks: Clicks = "any"
    min_prompt_area: Count = 32
    batch_size: Few = 16
    workers: Annotated[int, Meta(ge=0, le=64)] = 2
    test_sides: tuple[Side, Side] | None = None
    sources: Annotated[tuple[SourceConfig, ...], Meta(min_length=1, max_length=100)]


class LossConfig(_Part, frozen=True, kw_only=True):
    """Weights of the losses, which are those of the matching too, and points per mask.

    Attributes:
        class_weight: Of the cross-entropy of classes.
        stage_class_factor: Of that of the three stages, beside the adapter's. Their logits are 1000 times a
            cosine, the adapter's 100 times: from random weights theirs drown the gradients of the masks.
        bce_weight: Of the cross-entropy of mask pixels.
        dice_weight: Of the dice loss of masks.
        iou_weight: Of the squared error of the predicted quality of prompted masks.
        first_mask_factor: Of the mask losses of prompts before the first stage; 0 as published.
        name_weight: Of the auxiliary semantic segmentation (see `rapsam.training.losses`); 0 as published.
        place_weight: Of the auxiliary loss of positions (see `rapsam.training.losses`); 0 as published.
        void_weight: Of queries without an object, beside 1 for the others.
        num_points: Points at which a mask is compared.
    """

    class_weight: NotNegative = 2.0
    stage_class_factor: NotNegative = 1.0
    bce_weight: NotNegative = 5.0
    dice_weight: NotNegative = 5.0
    iou_weight: NotNegative = 10.0
    first_mask_factor: NotNegative = 0.0
    name_weight: NotNegative = 0.0
    place_weight: NotNegative = 0.0
    void_weight: NotNegative = 0.1
    num_points: Annotated[int, Meta(ge=1, le=1_000_000)] = 12_544


class OptimiserConfig(_Part, frozen=True, kw_only=True):
    """AdamW and its schedule.

    Attributes:
        lr: Learning rate at its height.
        backbone_factor: Of the learning rate, for the backbone.
        weight_decay: Of all parameters but those that `undecayed` names.
        undecayed: "norms", as RAP-SAM's authors have it, or "vectors": all biases and all that has one axis,
            as EdgeSAM's have it.
        betas: Of Adam.
        clip_norm: Largest L2 norm of the gradient.
        warmup_steps: Steps of linear growth.
        warmup_start: Factor at the first step.
        schedule: "step" (a tenth after each milestone) or "cosine" (to `final_factor`).
        milestones: Shares of the run, for "step".
        final_factor: Of the learning rate at the end, for "cosine".
        accumulate: Batches whose gradients make one step.
    """

    lr: Positive = 1e-4
    backbone_factor: NotNegative = 0.1
    weight_decay: NotNegative = 0.05
    undecayed: Literal["norms", "vectors"] = "norms"
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    clip_norm: Positive = 0.01
    warmup_steps: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 500
    warmup_start: Share = 0.001
    schedule: Literal["step", "cosine"] = "step"
    milestones: Annotated[tuple[Share, ...], Meta(max_length=100)] = ()
    final_factor: Share = 0.01
    accumulate: Few = 1


class DistillConfig(_Part, frozen=True, kw_only=True):
    """An optional teacher, of any width; it sees the same frames.

    Attributes:
        model: Its variant.
        checkpoint: Its weights, with the vocabulary of the run.
        feature_weight: Of the mean squared difference of mask features, in units of the teacher's.
        mask_weight: Of the mean squared difference of mask probabilities of matched queries and prompts.
    """

    model: Name
    checkpoint: Annotated[str, Meta(min_length=1, max_length=4096)]
    feature_weight: NotNegative = 1.0
    mask_weight: NotNegative = 5.0


class TeacherConfig(_Part, frozen=True, kw_only=True):
    """The network whose embeddings, or masks, a student of the same kind learns.

    Attributes:
        model: Its variant.
        checkpoint: Its weights: `rapsam train --teacher`.
        embeddings: Folder of its embeddings: `rapsam train --embeddings`.
        sha256: Of its weights, set when a run is started: it goes on with no other teacher.
    """

    model: Name
    checkpoint: Annotated[str, Meta(max_length=4096)] = ""
    embeddings: Annotated[str, Meta(max_length=4096)] = ""
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class LessonConfig(_Part, frozen=True, kw_only=True):
    """What a network that answers points on an image embedding learns; see `rapsam.training.lessons`.

    Attributes:
        kind: "embedding": its encoder learns the teacher's embeddings. "prompts": encoder and decoder learn
            the masks with which the teacher answers. "annotations": they learn the masks of the data, the
            prompt encoder too, without a teacher.
        teacher: Of the first two.
        bce_weight: Of the cross-entropy of mask pixels.
        dice_weight: Of the dice loss of masks.
        rounds: How often a prompt is answered: from the second time on with one more point, where the last
            answer was wrong.
    """

    kind: Literal["embedding", "prompts", "annotations"]
    teacher: TeacherConfig | None = None
    bce_weight: NotNegative = 5.0
    dice_weight: NotNegative = 5.0
    rounds: Annotated[int, Meta(ge=1, le=16)] = 2

    def __post_init__(self) -> None:
        """Raises `ValueError` if there is no teacher where one is needed, or one where none is."""
        if (self.teacher is None) != (self.kind == "annotations"):
            wanted = "none" if self.kind == "annotations" else "lesson.teacher.model"
            raise ValueError(f"lesson.kind {quoted(self.kind)}; expected {wanted} for its teacher")


class QatConfig(_Part, frozen=True, kw_only=True):
    """Few bits that a run trains for: quantisation-aware training.

    Attributes:
        recipe: Name of the export recipe.
        scheme: What it says of the numbers. A run goes on with it, whatever becomes of the recipe.
    """

    recipe: Name
    scheme: Quantisation


class RunConfig(_Part, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        name: Of the recipe.
        model: Variant.
        epochs: Passes over the mixed sources, counted with their repeats; may be a fraction.
        seed: Of everything random.
        precision: Of the encoder; losses and decoder are float32 always.
        checkpoint_activations: Encoder activations are computed again in the backward pass.
        batch_statistics: Which batch norms learn and use the statistics of batches: the published recipe
            freezes those of the backbone; from random weights all must learn.
        prompt_start: How the prompt encoder starts in a run without a checkpoint: "published", or "apart"
            (see `rapsam.models.trainable.Trainable.separate_prompts`), for random weights.
        ema_decay: Of the averaged weights; 0 keeps none.
        save_every: Steps between checkpoints.
        keep: Checkpoints that stay.
        data: Samples.
        loss: Losses.
        optimiser: Optimiser.
        distill: Teacher, if any.
        lesson: What a network that answers points on an image embedding learns; None for all others.
        qat: Few bits to train for, if any; set by `rapsam train --qat`.
    """

    name: Name
    model: Name
    epochs: Times
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    precision: Precision = "fp32"
    checkpoint_activations: bool = False
    batch_statistics: BatchStatistics = "neck"
    prompt_start: Literal["published", "apart"] = "published"
    ema_decay: Decay = 0.0
    save_every: Count = 1000
    keep: Count = 2
    data: DataConfig
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    distill: DistillConfig | None = None
    lesson: LessonConfig | None = None
    qat: QatConfig | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for values that contradict each other."""
        tasks = {source.task for source in self.data.sources}
        if self.lesson is None:
            if "points" in tasks:
                raise ValueError("a source with task 'points'; expected a recipe with a lesson for it")
            if self.data.label_set is None:
                raise ValueError("no data.label_set; expected the vocabulary of the model")
            return
        for wrong, expected in (
            (tasks != {"points"}, "sources with task 'points'"),
            (self.data.height != self.data.width, "data.height equal to data.width"),
            (self.data.flip or self.data.colour, "data.flip = 0 and data.colour = 0: embeddings are kept"),
            (self.data.label_set is not None, "no data.label_set: the network names no classes"),
            (self.data.boxed != "all", "data.boxed = 'all': regions have no classes"),
            (self.batch_statistics == "neck", "batch_statistics 'all' or 'none'"),
            (self.prompt_start != "published", "prompt_start 'published'"),
            (self.checkpoint_activations, "checkpoint_activations = false"),
            (self.distill is not None, "lesson.teacher in place of distill"),
            (self.qat is not None, "no training for few bits"),
        ):
            if wrong:
                raise ValueError(f"a lesson; expected {expected}")
