"""AV-HuBERT and VATLM: sizes by hand, padding, streams that are missing, masking, and learning."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml

from spectrobert.models.av_hubert import AvHubert
from spectrobert.models.av_hubert_configuration import AvHubertConfig
from spectrobert.models.substitution import kept_streams, sources

from ..helpers.encoders import CONF, moved, noise, options, sound_batch
from ..helpers.mouths import RHYTHMS, talking
from ..helpers.mouths import noise as unrelated

NAMES = ("debug_av_hubert", "debug_vatlm")
STREAMS = ("video", "num_frames", "phones", "num_phones")


def av_hubert(name, **changes) -> AvHubert:
    torch.manual_seed(0)
    values = {"head": "classification", "num_logits": 2} | options(name) | changes
    return AvHubert(AvHubertConfig(**values))


def batch_of_three():
    """16, 13 and 9 steps; the last clip has neither video nor phones."""
    batch = sound_batch(noise(10000, 8000, 5600))
    torch.manual_seed(3)
    batch["video"] = torch.randint(0, 255, (3, 17, 24, 24), dtype=torch.uint8)
    batch["num_frames"] = torch.tensor([17, 11, 0])
    batch["phones"], batch["num_phones"] = torch.randint(0, 46, (3, 61)), torch.tensor([61, 50, 0])
    return batch


def alone(batch, number):
    one = {name: value[number : number + 1] for name, value in batch.items()}
    for name, count in (
        ("waveform", "num_samples"),
        ("video", "num_frames"),
        ("phones", "num_phones"),
    ):
        one[name] = one[name][:, : int(one[count])]
    return one


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_the_same_alone_and_padded(name):
    model, batch = moved(av_hubert(name)).eval(), batch_of_three()
    whole, mask = model.start(batch)[1:]
    logits = model(batch).logits
    for number in range(3):
        one = alone(batch, number)
        torch.testing.assert_close(model.start(one)[1][0], whole[number, mask[number]])
        torch.testing.assert_close(model(one).logits[0], logits[number])
    assert mask.sum(dim=1).tolist() == model.count_tokens(batch["num_samples"]).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_stream_is_zeros_before_the_fusion(name):
    model, batch = moved(av_hubert(name)).eval(), batch_of_three()
    width = model.speech.width
    features = model.start(batch)[0]
    assert features.shape[2] == width * (3 if "vatlm" in name else 2)
    assert not features[2, :, width:].any()  # neither video nor phones
    assert features[0, :, width:].any(dim=1).all()
    heard = {key: value for key, value in batch.items() if key not in STREAMS}
    torch.testing.assert_close(model.start(heard)[0][2], features[2])
    assert not model.start(heard)[0][..., width:].any()
    model.speech.options.streams = ("video",)
    seen = model.start(batch)[0]
    assert not seen[..., :width].any()
    assert torch.equal(seen[..., width : 2 * width], features[..., width : 2 * width])
    model.speech.options.streams = ("audio",)
    assert not model.start(batch)[0][..., width:].any()


def resnet_size(channels, blocks) -> int:
    """Weights of convolutions without bias, a scale and a shift per norm, a slope per PReLU."""
    size, inputs = 0, channels[0]
    for stage, (width, number) in enumerate(zip(channels, blocks)):
        for block in range(number):
            size += 9 * inputs * width + 9 * width * width + 2 * 2 * width + 2 * width
            if inputs != width or (stage and not block):
                size += inputs * width + 2 * width
            inputs = width
    return size


def test_the_sizes_of_base_are_those_of_a_formula():
    fields = yaml.safe_load((CONF / "vatlm_base.yaml").read_text())
    fields.pop("defaults")
    with torch.device("meta"):
        model = AvHubert(AvHubertConfig(**fields))
        frames = torch.zeros(2, 64, 44, 44)
        assert model.speech.video.resnet(model.speech.video.pool(frames)).shape == (2, 512, 3, 3)

    def size(module):
        return sum(value.numel() for value in module.parameters())

    video, width = model.speech.video, 768
    assert size(video.resnet) == resnet_size((64, 128, 256, 512), (2, 2, 2, 2)) == 11_170_816
    front = 64 * 5 * 7 * 7 + 2 * 64 + 64 + (512 + 1) * width
    assert size(video) == size(video.resnet) + front
    assert size(model.speech.audio) == 105 * width
    assert size(model.speech.phones) == 46 * width + 2 * (3 * width * width + width)
    assert (
        size(model.speech.layer_norm) + size(model.speech.projection)
        == 6 * width + (3 * width + 1) * width
    )
    assert {size(layer) for layer in model.speech.layers} == {7_087_872}
    parts = [p for modules in model.parts().values() for m in modules for p in m.parameters()]
    assert sorted(map(id, parts)) == sorted(map(id, model.parameters()))


def test_the_stack_is_transformers_own():
    model, batch = moved(av_hubert("debug_av_hubert")).eval(), batch_of_three()
    features, mask = model.speech.fuse(batch)
    wanted = model.speech.stack.encoder(model.speech.project(features), attention_mask=mask)
    found = model.frames(batch).hidden
    torch.testing.assert_close(found[mask], wanted.last_hidden_state[mask])


def test_the_streams_that_are_kept_by_hand():
    yes, no = True, False
    has = torch.tensor(
        [[yes, yes, yes], [yes, yes, no], [yes, yes, no], [yes, no, no], [yes, yes, yes]]
    )
    uniform = torch.tensor([[0.6, 0, 0.9], [0.4, 0.1, 0], [0.4, 0.3, 0], [0, 0, 0], [0, 0, 0.1]])
    kept = kept_streams(has, uniform, 0.5, 0.2, 0.3)
    # nothing lost | audio lost | video lost | nothing to lose | phones alone
    assert kept.tolist() == [
        [yes, yes, yes],
        [no, yes, no],
        [yes, no, no],
        [yes, no, no],
        [no, no, yes],
    ]


def test_modality_dropout_has_the_chances_of_the_paper():
    torch.manual_seed(0)
    model = av_hubert("debug_av_hubert", modality_dropout=0.5, audio_dropout=0.2)
    has = torch.ones(20000, 2, dtype=torch.bool)
    kept = model.train().speech._kept(has).float()
    both, audio = kept.all(dim=1).float().mean(), (kept[:, 0] > kept[:, 1]).float().mean()
    assert both == pytest.approx(0.5, abs=0.02)
    assert audio == pytest.approx(0.5 * 0.8, abs=0.02)
    assert model.eval().speech._kept(has).all()


@pytest.mark.parametrize("seed", range(20))
def test_a_masked_span_becomes_another_of_the_same_clip(seed):
    generator = np.random.default_rng(seed)
    masked = generator.random(30) < 0.3
    masked[:4] = [True, True, True, False]
    taken = sources(masked, generator)
    assert (taken[~masked] == np.flatnonzero(~masked)).all()
    assert ((taken >= 0) & (taken < 30)).all()
    assert (taken[masked] != np.flatnonzero(masked)).all()
    assert np.diff(taken[:3]).tolist() == [1, 1]  # a span, in its order


def test_clips_that_are_masked_as_a_whole_or_are_one_step():
    generator = np.random.default_rng(0)
    assert sources(np.ones(1, bool), generator).tolist() == [0]
    whole = sources(np.ones(5, bool), generator)
    assert sorted(whole) == list(range(5))
    assert whole.tolist() != list(range(5))


def test_pretraining_replaces_the_inputs_of_both_streams():
    model = moved(
        av_hubert("debug_av_hubert", head="pretraining", objectives={"masked_acoustic": {}})
    )
    batch, places = alone(batch_of_three(), 0), torch.arange(16)[None]
    plain = model.eval().start(batch | {"masked": torch.zeros(1, 16, dtype=torch.bool)})[0]
    other = places.clone()
    other[0, 2:5] = torch.tensor([9, 10, 11])
    changed = {"masked": other != places, "audio_sources": other, "video_sources": places}
    audio = model.start(batch | changed)[0]
    width = model.speech.width
    assert torch.equal(audio[0, 2:5, :width], plain[0, 9:12, :width])
    assert torch.equal(audio[..., width:], plain[..., width:])
    video = model.start(batch | changed | {"audio_sources": places, "video_sources": other})[0]
    assert torch.equal(video[..., :width], plain[..., :width])
    assert not torch.equal(video[..., width:], plain[..., width:])


def test_a_row_draws_spans_of_audio_and_of_video():
    model = av_hubert("debug_av_hubert", head="pretraining", objectives={"masked_acoustic": {}})
    masked = np.zeros(40, bool)
    masked[3:13] = True
    drawn = model.draw(np.random.default_rng(0), masked, frames=40)
    moved_steps = {
        name: drawn[name] != np.arange(40) for name in ("audio_sources", "video_sources")
    }
    assert (moved_steps["audio_sources"] == masked).all()
    assert (drawn["masked"] == masked | moved_steps["video_sources"]).all()
    assert 5 <= moved_steps["video_sources"].sum() <= 15  # 0.3 of 40 steps, in spans of 5
    without = model.draw(np.random.default_rng(0), masked, frames=0)
    assert (without["masked"] == masked).all()
    model.config.masking = "embedding"
    assert model.draw(np.random.default_rng(0), masked, frames=40) == {}


def mouths(numbers, frames=12):
    """Clips of which the rhythm of the mouth, drawn at a quarter of its size, is the class."""
    made, rhythms = [np.random.default_rng(number) for number in numbers], list(RHYTHMS.values())
    films = [talking(rhythms[n % 2], frames, g)[:, ::4, ::4] for n, g in zip(numbers, made)]
    waves = np.stack([unrelated(frames / 25, g) for g in made])
    return {
        "waveform": torch.from_numpy(waves),
        "num_samples": torch.full((len(films),), waves.shape[1]),
        "video": torch.from_numpy(np.stack(films)),
        "num_frames": torch.full((len(films),), frames),
        "label": torch.tensor([n % 2 for n in numbers]),
    }


@pytest.mark.parametrize(
    ("streams", "low", "high"), [(("audio", "video"), 0.85, 1), (("audio",), 0, 0.75)]
)
def test_the_rhythm_of_a_mouth_is_learnt_from_video_alone(streams, low, high):
    quick = {"front_end_gradient": 1.0, "modality_dropout": 0.0, "streams": streams}
    model, train, test = (
        av_hubert("debug_av_hubert", **quick),
        mouths(range(16)),
        mouths(range(100, 132)),
    )
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(30):
        optimiser.zero_grad()
        F.cross_entropy(model.train()(train).logits, train["label"]).backward()
        optimiser.step()
    with torch.no_grad():
        answers = model.eval()(test).logits.argmax(dim=1)
    assert low <= (answers == test["label"]).float().mean() <= high


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"streams": ["smell"]}, "model.streams=['smell']"),
        ({"streams": ["phones"]}, "model.num_phones=0"),
        ({"video_blocks": [1]}, "model.video_channels=[4, 8]"),
        ({"masking": "none"}, "model.masking='none'"),
        ({"modality_dropout": 1.5}, "model.modality_dropout=1.5"),
        ({"speech": {"conv_dim": [1]}}, "model.speech.conv_dim"),
    ],
)
def test_strange_options_are_refused(changes, message):
    with pytest.raises(ValueError, match="model") as error:
        AvHubertConfig(**options("debug_av_hubert") | changes)
    assert message in str(error.value)
