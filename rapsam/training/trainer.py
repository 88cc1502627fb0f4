"""The loop: batches in, steps taken, states saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor

from rapsam.errors import InputError, RapSamError
from rapsam.models.network import SegmentationNetwork
from rapsam.training.batch import Batch
from rapsam.training.config import RunConfig
from rapsam.training.engine import (
    any_process,
    in_all_processes,
    mean_over_processes,
    on_first_process,
    sum_over_processes,
)
from rapsam.training.faults import SkippedFile, save_failed_batch
from rapsam.training.loader import StepSampler, load_batches
from rapsam.training.meter import Meter
from rapsam.training.objective import Losses, Objective
from rapsam.training.optim import make_average, make_optimiser, rate_factor, set_rates
from rapsam.training.run.log import RunLog
from rapsam.training.run.state import (
    RunState,
    Trained,
    checkpoints_of,
    remove_unfinished,
    restore_state,
    save_state,
)
from rapsam.training.samples import MixedSamples
from rapsam.training.stopping import StopRequest, TrainingStoppedError, dead_processes_explained

LOG_EVERY = 20
"""Steps between two entries of the log."""

Progress = Callable[[int, int, str], None]
"""Told the steps done, all steps, and what to show beside."""


def steps_of(config: RunConfig, epoch_length: int) -> int:
    """Counts the optimiser steps of a run, of which an epoch has so many samples."""
    per_step = config.data.batch_size * config.optimiser.accumulate
    return max(1, int(config.epochs * epoch_length) // per_step)


class Trainer:
    """One run on one process of possibly many.

    Args:
        fabric: Launched; knows devices, processes and precision.
        config: The recipe.
        losses: The network with its losses, on the CPU.
        samples: The data.
        run: Folder of the run.
        scaler: Of fp16, the one that fabric uses.
    """

    def __init__(
        self,
        fabric: Fabric,
        config: RunConfig,
        losses: Objective,
        samples: MixedSamples,
        run: Path,
        *,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        self.fabric, self.config, self.samples, self.run = fabric, config, samples, run
        self.scaler = scaler
        self.losses, model = losses, losses.model
        losses.begin_training(
            config.batch_statistics, shared=fabric.world_size > 1 and fabric.device.type == "cuda"
        )
        # Convolutions are quicker with the channels last; values differ by rounding only.
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = make_optimiser(self.losses, config.optimiser)
        network, wrapped = fabric.setup(self.losses, optimiser)
        self.network = network
        # Fabric's wrapper steps with the precision's loss scaler; its `step` has no type of its own.
        self.optimiser = cast("torch.optim.Optimizer", wrapped)
        self.trained = Trained(
            model=model,
            average=make_average(model, config.ema_decay),
            network=self.losses,
            optimiser=optimiser,
        )
        self.skipped_file = SkippedFile(run, fabric.global_rank)
        self.meter = Meter(self.losses.names, config.data.batch_size * config.optimiser.accumulate)

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the run."""
        return steps_of(self.config, self.samples.epoch_length)

    def fit(self, progress: Progress) -> SegmentationNetwork:
        """Trains to the end, from the last checkpoint of the run if there is one.

        Returns:
            The network: the averaged one where an average is kept.

        Raises:
            TrainingStoppedError: If the loss is NaN or infinite; the batch is saved.
            KeyboardInterrupt: After Ctrl-C or SIGTERM, with the state saved.
            InputError: If a checkpoint cannot be written.
        """
        with StopRequest() as stop, dead_processes_explained():
            self._steps(stop, progress)
        average = self.trained.average
        return self.losses.model if average is None else average.module  # type: ignore[return-value]

    def _steps(self, stop: StopRequest, progress: Progress) -> None:
        state = self._restored()
        if self.fabric.is_global_zero:
            self.meter.skipped, self.meter.incomplete = state.skipped, state.incomplete
        log = RunLog(self.run, state.step) if self.fabric.is_global_zero else None
        batches = self._batches(state.step)
        if log:
            progress(state.step, self.total_steps, "loading")
        for step in range(state.step + 1, self.total_steps + 1):
            self._step(step, batches)
            if step % LOG_EVERY == 0 or step == self.total_steps:
                entry = self.meter.entry(step, step / self.total_steps * self.config.epochs, self.fabric)
                if log:
                    log.add(entry)
                    progress(step, self.total_steps, f"loss {entry.loss:.2f}")
            stopping = any_process(self.fabric, stop.made)
            if stopping or step % self.config.save_every == 0 or step == self.total_steps:
                self._save(step)
            if stopping:
                raise KeyboardInterrupt
        if log:
            log.close()

    def _step(self, step: int, batches: Iterator[Batch]) -> None:
        config = self.config.optimiser
        factor = rate_factor(step - 1, self.total_steps, config)
        set_rates(self.optimiser, factor)
        parts: list[Batch] = []
        for part in range(config.accumulate):
            batch = self._next(step, batches).to(self.fabric.device)
            parts.append(batch)
            last = part == config.accumulate - 1
            with self.fabric.no_backward_sync(self.network, enabled=not last and self.fabric.world_size > 1):
                losses = self._losses(batch)
                total = torch.stack(list(losses.values())).sum()
                self._check(step, parts, losses, total)
                self.fabric.backward(total / config.accumulate)
            self.meter.add(losses, config.accumulate)
        norm = self.fabric.clip_gradients(
            self.network, self.optimiser, max_norm=config.clip_norm, error_if_nonfinite=False
        )
        assert norm is not None
        finite = bool(torch.isfinite(norm))
        if not finite and self.scaler is None:
            raise self._stopped(step, parts, "the gradient")
        self.optimiser.step()
        self.optimiser.zero_grad()
        # With a loss scaler the first steps may overflow: it leaves them out and lowers the scale.
        if finite and self.trained.average is not None:
            self.trained.average.update_parameters(self.trained.model)
        self.meter.close_step(float(norm) if finite else None, config.lr * factor)

    def _next(self, step: int, batches: Iterator[Batch]) -> Batch:
        """Returns the next batch; where one process has none, all end with an error."""
        elsewhere = TrainingStoppedError("another process could not load its samples; see what it says")
        batch = in_all_processes(self.fabric, lambda: self._waited_for(batches), elsewhere)
        self.meter.skipped += len(batch.faults)
        self.meter.incomplete += batch.incomplete
        self.skipped_file.note(step, batch.faults, batch.left_out)
        return batch

    def _waited_for(self, batches: Iterator[Batch]) -> Batch:
        with self.meter.waiting():
            return next(batches)

    def _losses(self, batch: Batch) -> Losses:
        counts = torch.tensor(self.losses.counts(batch), device=self.fabric.device)
        return self.network(batch, mean_over_processes(self.fabric, counts).tolist())  # type: ignore[no-any-return]

    def _check(self, step: int, parts: Sequence[Batch], losses: Losses, total: Tensor) -> None:
        # Every process must learn of it, or the others would wait for ever.
        worst = mean_over_processes(self.fabric, total.detach())
        if bool(torch.isfinite(worst)):
            return
        bad = [name for name, value in losses.items() if not bool(torch.isfinite(value))]
        raise self._stopped(step, parts, ", ".join(bad) or "a loss of another process")

    def _stopped(self, step: int, parts: Sequence[Batch], what: str) -> TrainingStoppedError:
        samples = [sample for part in parts for sample in part.samples]
        try:
            where = f"is in {save_failed_batch(self.run, step, self.fabric.global_rank, samples)}"
        except RapSamError as error:
            where = f"could not be kept ({error})"
        return TrainingStoppedError(
            f"step {step}: {what} is no number; the batch {where}: look at its samples, or start a new run "
            f"from {self.run}/checkpoints/step-N/weights.safetensors with a lower optimiser.lr"
        )

    def _batches(self, step: int) -> Iterator[Batch]:
        accumulate = self.config.optimiser.accumulate
        sampler = StepSampler(
            step * accumulate,
            self.total_steps * accumulate,
            self.config.data.batch_size,
            self.fabric.global_rank,
            self.fabric.world_size,
        )
        return load_batches(self.samples, sampler, self.config.data.workers)

    def _restored(self) -> RunState:
        if self.fabric.is_global_zero:
            remove_unfinished(self.run)
        saved = checkpoints_of(self.run)
        if not saved:
            # What a run starts from is in no recipe: it must be there to go on with.
            self._save(0)
            return RunState(step=0, epoch_length=self.samples.epoch_length)
        state = restore_state(saved[-1], self.trained)
        if state.epoch_length != self.samples.epoch_length:
            raise InputError(
                f"the data have {self.samples.epoch_length} samples an epoch, {self.run} was started with "
                f"{state.epoch_length}; go on with the same data"
            )
        if self.scaler is not None and state.scaler:
            self.scaler.load_state_dict(state.scaler)
        return state

    def _save(self, step: int) -> None:
        state = RunState(
            step=step,
            epoch_length=self.samples.epoch_length,
            scaler=self.scaler.state_dict() if self.scaler is not None else {},
            skipped=sum_over_processes(self.fabric, self.meter.skipped),
            incomplete=sum_over_processes(self.fabric, self.meter.incomplete),
        )
        on_first_process(self.fabric, lambda: save_state(self.run, state, self.trained, self.config.keep))
