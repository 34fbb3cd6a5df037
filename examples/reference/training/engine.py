"""One epoch of training, one pass of evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from training.cifar import SIDE, Images
from training.config import Config
from training.distillation import Teacher, distillation_loss
from training.errors import Problem
from training.networks import build_network
from training.optimisation import learning_rate, make_optimizer


class Score(NamedTuple):
    """Means over images: the loss, and the share that was right."""

    loss: float
    accuracy: float


class Engine:
    """A network on a device with its optimiser.

    Every random number of an epoch follows from (seed, epoch), so that nothing but the weights and
    the optimiser's state has to be kept between epochs.
    """

    def __init__(
        self,
        config: Config,
        device: torch.device,
        *,
        seed: int,
        labels: torch.Tensor,
        teacher: Teacher | None = None,
    ) -> None:
        cuda = device.type == "cuda"
        if config.deterministic:
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
            # Every new tensor is written whole: filling it first would cost a tenth of the time.
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        else:
            torch.backends.cudnn.benchmark = cuda
        self.config = config
        self.device = device
        self.seed = seed
        self.labels = labels.to(device)
        network = build_network(config, seed).to(device)
        if config.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = network
        self.teacher = teacher
        if teacher is not None:
            teacher.network.to(device)
            if config.channels_last:
                teacher.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(network, config, fused=cuda)
        self._mixed = config.precision == "bf16"
        # On the scale of the pixels, 0 to 255.
        self._mean = torch.tensor(config.mean, device=device) * 255
        self._deviation = torch.tensor(config.deviation, device=device) * 255
        self._call: Callable[[torch.Tensor], torch.Tensor] = network
        self._forward = self._loss
        if cuda and config.execution == "graph":
            self._call = self._recorded()
        elif config.execution == "compile":
            self._forward = torch.compile(self._loss, dynamic=False)

    def train_epoch(
        self, epoch: int, images: torch.Tensor, progress: Callable[[int], None]
    ) -> Score:
        """Train on the images, uint8 (N, 32, 32, 3), in an order of this epoch's own.

        Raises:
            Problem: if the loss is not finite any more.
        """
        config, size = self.config, self.config.batch_size
        self.network.train()
        torch.manual_seed(int(np.random.SeedSequence((self.seed, epoch)).generate_state(1)[0]))
        order = torch.randperm(len(images)).to(self.device)
        total = torch.zeros((), device=self.device)
        right = torch.zeros((), device=self.device, dtype=torch.int64)
        steps = len(images) // size
        for step in range(steps):
            rate = learning_rate(config, epoch * steps + step)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            drawn = order[step * size : (step + 1) * size]
            loss, correct = self._forward(images[drawn], self.labels[drawn])
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            if config.optimizer.gradient_clip is not None:
                nn.utils.clip_grad_norm_(
                    self.network.parameters(), config.optimizer.gradient_clip, foreach=True
                )
            self.optimizer.step()
            total += loss.detach()
            right += correct
            progress(step + 1)
        mean = total.item() / steps
        if not np.isfinite(mean):
            raise Problem(
                f"the loss is {mean} after epoch {epoch + 1}: "
                "a smaller optimizer.learning_rate or a longer warm-up may help"
            )
        return Score(mean, right.item() / (steps * size))

    def evaluate(self, images: Images, batch: int = 1000) -> Score:
        """The score on images that are not augmented, in the precision of the training."""
        self.network.eval()
        total, right = 0.0, 0
        for start in range(0, len(images.labels), batch):
            pixels = torch.from_numpy(images.pixels[start : start + batch]).to(self.device)
            labels = torch.from_numpy(images.labels[start : start + batch]).to(self.device)
            with torch.no_grad():
                scores = self._scores(self._normalised(pixels))
            total += float(F.cross_entropy(scores, labels, reduction="sum"))
            right += int((scores.argmax(1) == labels).sum())
        return Score(total / len(images.labels), right / len(images.labels))

    def _recorded(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The network whose training passes are replayed as CUDA graphs."""
        size = (self.config.batch_size, 3, SIDE, SIDE)
        sample = self._laid_out(torch.zeros(size, device=self.device))
        before = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.train()
        # Recording happens on a stream of its own, replaying on the current one: newer torch warns.
        quiet = getattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch", None)
        if quiet is not None:
            quiet(False)
        # Weights are cast anew in each replay: autocast must not keep casts from the recording.
        with torch.autocast("cuda", torch.bfloat16, enabled=self._mixed, cache_enabled=False):
            recorded = torch.cuda.make_graphed_callables(self.network, (sample,))
        self.network.load_state_dict(before)  # recording moves running statistics
        return cast("Callable[[torch.Tensor], torch.Tensor]", recorded)

    def _laid_out(self, x: torch.Tensor) -> torch.Tensor:
        form = torch.channels_last if self.config.channels_last else torch.contiguous_format
        return x.contiguous(memory_format=form)

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        x = (pixels.float() - self._mean) / self._deviation
        return self._laid_out(x.permute(0, 3, 1, 2))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self._mixed, cache_enabled=False
        )

    def _scores(self, x: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            scores = self._call(x)
        return scores.float()

    def _loss(
        self, pixels: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x = self._normalised(pixels)
        scores = self._scores(x)
        loss = F.cross_entropy(scores, labels, label_smoothing=self.config.label_smoothing)
        if self.teacher is not None:
            with torch.no_grad(), self._autocast():
                wanted = self.teacher.network(x).float()
            settings = self.teacher.settings
            taught = distillation_loss(scores, wanted, settings.temperature)
            loss = settings.share * taught + (1 - settings.share) * loss
        return loss, (scores.detach().argmax(1) == labels).sum()
