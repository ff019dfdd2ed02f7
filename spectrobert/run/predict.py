"""Answers of a trained run for sound files of the user's: one, or any number of them in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..audio.segment import Segment
from ..config import CaptionConfig, NumbersConfig, PretrainingConfig
from ..data import streams
from ..data.threads import in_threads
from ..errors import UserError
from .asked_words import Asked, ReadWords, read_words
from .heard import Heard, hear, require_heard, require_length, tried
from .prediction import Failed, Prediction

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.model import Output

BATCH = 16  # clips of like length that are answered together
CHUNK = 16 * BATCH  # decoded clips that are sorted by length
FEW = 8  # files that are answered before the kernels are made ready, which takes half a second


class Predictor:
    """A finished run, loaded once, that answers about sound files.

    Args:
        folder: of the run.
        calibrated: probabilities, abstention and sets are those that `calibrate` has fitted.

    Raises UserError for a folder that is no finished run, for a run that answers nothing, and for
    one that is not calibrated if it should be.
    """

    def __init__(self, folder: str | Path, calibrated: bool = False):
        # torch and its like are imported here and below: an exported file answers without them
        from ..kernels import adopt
        from ..models.answers import answer_names
        from . import calibration, chosen_thresholds, normalisation
        from .folder import RunFolder
        from .saved_run import load_run

        self.folder = str(folder)
        self.config, self.model, self.tokenizer = load_run(folder)
        adopt(self.model, "off")
        self.answered = 0
        self.labels = () if self.writes else answer_names(self.config.task, self.model)
        run = RunFolder(folder)
        self.thresholds = chosen_thresholds.of_labels(run)
        self.calibration = calibration.read(run) if calibrated else None
        self.max_seconds: float = self.model.config.max_seconds
        self.least_samples = self.model.least_samples
        self.aligns = bool(getattr(self.model.config, "needs_word_times", ""))
        self.streams = streams.of_model(self.model.config, self.config.dataset.augment_video)
        self.waits = bool(normalisation.adaptation(self.model.config))  # for all files of a call

    @property
    def writes(self) -> bool:
        """True for a run that writes texts."""
        return isinstance(self.config.task, CaptionConfig)

    def require_labels(self) -> None:
        """Raise UserError for a run that writes texts, and has neither labels nor targets."""
        if self.writes:
            raise UserError(
                f"{self.folder} is a {self.config.task.name} run: it writes texts, and has neither"
                " labels nor targets"
            )

    @property
    def measure(self) -> str:
        """Kind of an answer's number: "probability", "value" or "log_probability"."""
        if self.writes:
            return "log_probability"
        return "value" if isinstance(self.config.task, NumbersConfig) else "probability"

    @overload  # a str is a sequence of strings, but one file here
    def predict(  # type: ignore[overload-overlap]
        self,
        audio: str | PathLike[str],
        question: str = "",
        text: str = "",
        top: int = 5,
        words: str = "",
        video: str = "",
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        audio: Sequence[str | PathLike[str]],
        question: str = "",
        text: str = "",
        top: int = 5,
        words: str = "",
        video: str = "",
    ) -> list[Prediction]: ...

    def predict(
        self,
        audio: str | PathLike[str] | Sequence[str | PathLike[str]],
        question: str = "",
        text: str = "",
        top: int = 5,
        words: str = "",
        video: str = "",
    ) -> Prediction | list[Prediction]:
        """Rank the labels for a file, or for each of several; of a run that writes, its beams.

        Args:
            audio: sound files.
            question: needed by the AQA tasks, a prompt of `caption`, refused by the others.
            text: what is said or described; optional, refused by `caption`.
            top: how many labels to return; of texts, at most as many as the run has beams.
            words: of the text, with their times, for runs that read them; see `Asked`.
            video: of one sound file, for runs whose model sees; optional.

        Raises UserError for a file that cannot be read, is silent where the model would hear it or
        shorter than its encoder's receptive field, and for words as `asked_words.read_words` does.
        """
        if isinstance(audio, (str, PathLike)):
            return self.predict([audio], question, text, top, words, video)[0]
        if video and len(audio) != 1:
            raise UserError(f"video={video} belongs to one file, and {len(audio)} are asked for")
        read = self._read([Asked(fspath(path), question, text, words, video) for path in audio])
        return self._predictions([require_heard(one) for one in read], top)

    def answer(self, asked: Iterable[Asked], top: int = 5) -> Iterator[Prediction | Failed]:
        """Predictions in order, in batches; a file that cannot be answered is Failed.

        All files are one speaker's if the run is normalised by speaker: they are then read before
        the first of them is answered. Else memory does not grow with their number.
        """
        waiting = iter(asked)
        chunk = None if self.waits else CHUNK
        while some := list(islice(waiting, chunk)):
            read = self._read(some)
            predicted = iter(self._predictions([r for r in read if isinstance(r, Heard)], top))
            yield from (one if isinstance(one, Failed) else next(predicted) for one in read)

    def embed(
        self, audio: Sequence[str | PathLike[str]], question: str = "", text: str = ""
    ) -> np.ndarray:
        """(n, P) float32: the vector of each file that the run's head reads.

        Arguments and errors as of `predict`; no run that writes texts has such a vector.
        """
        self.require_labels()
        read = self._read([Asked(fspath(path), question, text) for path in audio])
        return self._vectors([require_heard(one) for one in read])

    def check_words(self, asked: Asked) -> None:
        """Raise UserError as `asked_words.read_words`."""
        self._words(asked)

    def answer_waves(
        self, waves: Sequence[np.ndarray], asked: Asked, shared: dict[str, Any]
    ) -> np.ndarray:
        """(n, C) answers for waveforms (T,) at 16 kHz, in the order of `labels`.

        Args:
            asked: the words that belong to all of them.
            shared: fields of all clips, by which they are normalised.

        Raises UserError for words as `predict` does.
        """
        self._count(FEW + 1)  # more will follow, and all are to be answered in one way
        ids, is_mute = self._words(asked).ids, self.config.dataset.silence_audio
        heard = [
            Heard(asked, 0.0, (0.0, 0.0), np.zeros_like(wave) if is_mute else wave, ids, {})
            for wave in waves
        ]
        return self._rows(heard, shared)

    def _read(self, asked: Sequence[Asked]) -> list[Heard | Failed]:
        """Files decoded in threads; words are cut here, as tokenizers serve one thread alone."""
        words = [tried(one.audio, partial(self._words, one)) for one in asked]

        def hear(pair: tuple[Asked, ReadWords | Failed]) -> Heard | Failed:
            one, own = pair
            if isinstance(own, Failed):
                return own
            return tried(one.audio, partial(self._hear, one, own))

        return list(in_threads(hear, zip(asked, words, strict=True), CHUNK))

    def _hear(self, asked: Asked, words: ReadWords) -> Heard:
        seconds, used, wave = hear(asked.audio, self.config.dataset, self.max_seconds)
        require_length(asked.audio, wave, self.least_samples)
        times, seen = words.times(used[0], seconds), self._seen(asked, seconds, used)
        return Heard(asked, seconds, used, wave, words.ids, times, seen)

    def _seen(
        self, asked: Asked, seconds: float, used: tuple[float, float]
    ) -> dict[str, np.ndarray]:
        """The video of a file in the stretch that is heard. Raises UserError if it fits badly."""
        if not asked.video:
            return {}
        options = self.streams
        if options is None or not options.video:
            raise UserError(f"{self.folder} sees nothing and takes no --video {asked.video}")
        clip = [{"start": 0.0, "end": None}]
        row = {"video": asked.video, "phones": "", "seconds": seconds, "audio": clip}
        from ..data import stream_checks

        stream_checks.check(row, options)
        return streams.of_clip(row, Segment(asked.audio), used, options, None)

    def _words(self, asked: Asked) -> ReadWords:
        """The words of a file. Raises UserError as `asked_words.read_words`."""
        return read_words(self.folder, self.config, self.tokenizer, asked, self.aligns)

    def _predictions(self, heard: Sequence[Heard], top: int) -> list[Prediction]:
        if not heard:
            return []
        note, shared = self._of_one_speaker(heard)
        if self.writes:
            return self._written(heard, top, note, shared)
        predictions = []
        for one, row in zip(heard, self._rows(heard, shared), strict=True):
            sure = self._calibrated(row)
            shown = sure.pop("row")
            ranked = tuple(sorted(zip(self.labels, shown), key=lambda pair: -pair[1]))
            (audio, question, text, *_), first = one.asked, ranked[:top]
            facts = (one.seconds, one.used, ranked, first, self.measure, note, question, text)
            predictions.append(Prediction(audio, *facts, self._detected(row), **sure))
        return predictions

    def _written(
        self, heard: Sequence[Heard], top: int, note: str, shared: dict[str, Any]
    ) -> list[Prediction]:
        """The texts of each file with their log probabilities, the likeliest first."""
        from . import beams

        read = beams.reader(self.model, self.config.task, self.tokenizer, top)
        rows = self._computed(heard, shared, read).tolist()
        predictions = []
        for one, row in zip(heard, rows, strict=True):
            ranked, (audio, question, text, *_) = beams.ranked(row, self.tokenizer), one.asked
            facts = (one.seconds, one.used, ranked, ranked, self.measure, note, question, text)
            predictions.append(Prediction(audio, *facts))
        return predictions

    def _calibrated(self, row: np.ndarray) -> dict[str, Any]:
        """The probabilities (C,) that are shown, and fields of Prediction that follow from them."""
        if self.calibration is None:
            return {"row": row.tolist()}
        shown = self.calibration.probabilities(row[None])
        kept = self.calibration.plausible(shown)[0]
        return {
            "row": shown[0].tolist(),
            "is_held_back": not self.calibration.answers(shown[0]),
            "plausible": tuple(label for label, is_kept in zip(self.labels, kept) if is_kept),
        }

    def _detected(self, row: np.ndarray) -> tuple[tuple[str, bool], ...]:
        """Whether each label that has a threshold reaches it, by probabilities as trained (C,)."""
        return tuple(
            (label, probability >= self.thresholds[label])
            for label, probability in zip(self.labels, row.tolist(), strict=True)
            if label in self.thresholds
        )

    def _rows(self, heard: Sequence[Heard], shared: dict[str, Any]) -> np.ndarray:
        """(n, C) probabilities of labels, or values of targets."""
        from ..models.answers import answers

        return self._computed(heard, shared, partial(answers, self.config.task)).numpy()

    def _vectors(self, heard: Sequence[Heard]) -> np.ndarray:
        """(n, P) float32 that the head reads."""
        _, shared = self._of_one_speaker(heard)
        return self._computed(heard, shared, lambda o: o.hidden[:, 0].float()).numpy()

    def _computed(
        self, heard: Sequence[Heard], shared: dict[str, Any], read: Callable[[Output], Tensor]
    ) -> Tensor:
        """The tensors that `read` takes of outputs, one row per file; clips of like length meet.

        Args:
            shared: fields of all clips.
        """
        import torch

        from ..data.batches import collate
        from .normalisation import pools_by_speaker

        self._count(len(heard))
        order = sorted(range(len(heard)), key=lambda place: len(heard[place].wave))
        size = len(order) if pools_by_speaker(self.model.config) else BATCH
        rows: dict[int, Tensor] = {}
        for first in range(0, len(order), size):
            places = order[first : first + size]
            batch = collate([self._item(heard[place]) | shared for place in places])
            with torch.inference_mode():
                rows.update(zip(places, read(self.model(batch))))
        return torch.stack([rows[place] for place in range(len(heard))])

    def _count(self, clips: int) -> None:
        """Let the model run its kernels once more than a few clips are answered."""
        from ..kernels import adopt

        total = self.answered + clips
        if self.answered <= FEW < total:
            adopt(self.model, self.config.trainer.kernels)
        self.answered = total

    def _item(self, heard: Heard) -> dict[str, Any]:
        item: dict[str, Any] = {"index": 0, "input_ids": heard.ids, "waveform": heard.wave}
        item |= {**heard.times, **heard.streams}
        if isinstance(self.config.task, PretrainingConfig):
            from ..models.batch import IGNORED

            item |= {"mlm_labels": np.full_like(heard.ids, IGNORED), "matched": 1}
        return item

    def _of_one_speaker(self, heard: Sequence[Heard]) -> tuple[str, dict[str, Any]]:
        """A note, and the fields by which all the files are normalised; empty of most models."""
        if not self.waits:
            return "", {}
        from ..data import mel_statistics
        from . import normalisation

        settings = self.model.config
        fields: dict[str, Any] = {"speaker": 0} if normalisation.pools_by_speaker(settings) else {}
        if normalisation.normalises_by_speaker(settings):
            waves = [one.wave for one in heard]
            measured = mel_statistics.of_waves(waves, settings.num_mel_bins)
            fields |= {"mel_mean": measured.mean, "mel_std": measured.std}
        files = "file is" if len(heard) == 1 else f"{len(heard)} files are"
        note = (
            f"the {files} normalised as one speaker's: call once per speaker, with as many"
            " recordings as there are"
        )
        return note, fields
