"""Splits: owners' lines stay, what belongs together is on one side, and shares come near."""

import random as shuffling
from collections.abc import Sequence
from dataclasses import replace

import pytest

from spectrobert import corpora
from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data.drawing import assign
from spectrobert.data.splits import caution, caveats, verify, with_caveats
from spectrobert.errors import UserError


def example(id: int | str, **fields: str) -> Example:
    recording = fields.pop("recording", f"{id}.wav")
    return Example(id=str(id), audio=(Segment(recording),), **fields)


def corpus(num_speakers: int, clips: int = 10, **fields: str) -> list[Example]:
    """Speakers s00, s01, ... with as many clips each, of two labels in turn."""
    return [
        example(f"{s:02}-{c:02}", speaker=f"s{s:02}", label="ab"[c % 2], **fields)
        for s in range(num_speakers)
        for c in range(clips)
    ]


def sides(examples: Sequence[Example], splits: Sequence[str], field: str) -> dict[str, set[str]]:
    """Value of a field -> the splits in which it is."""
    found: dict[str, set[str]] = {}
    for row, split in zip(examples, splits, strict=True):
        found.setdefault(getattr(row, field), set()).add(split)
    return found


class TestAssign:
    def test_owners_splits_are_kept(self) -> None:
        owned = ["train", "val", "test", "train"]
        examples = [example(i, split=split) for i, split in enumerate(owned)]
        splits, summary = assign(examples)
        assert splits == owned
        assert summary.definition == "owner's test split; owner's validation split"
        assert summary.counts == {"train": 2, "val": 1, "test": 1}

    def test_validation_is_carved_from_train_by_speaker(self) -> None:
        examples = corpus(20, split="train") + [
            example(f"t{i}", speaker="t", split="test") for i in range(5)
        ]
        splits, summary = assign(examples)
        assert summary.counts == {"train": 180, "val": 20, "test": 5}
        assert summary.definition == (
            "owner's test split; validation carved by speaker (2 of 20), seed 0"
        )
        assert all(len(on) == 1 for on in sides(examples, splits, "speaker").values())
        assert len(summary.speakers["val"]) == 2
        assert summary.speakers["test"] == ["t"]
        assert sorted(summary.speakers["train"]) == summary.speakers["train"]
        assert summary.labels["val"] == {"a": 10, "b": 10}
        verify(examples, splits, random=False)

    def test_test_and_validation_are_carved_where_the_owner_draws_no_line(self) -> None:
        examples = corpus(20)
        splits, summary = assign(examples, test_share=0.2, val_share=0.25)
        assert summary.counts == {"train": 120, "val": 40, "test": 40}  # val: a quarter of the rest
        assert summary.definition == (
            "test carved by speaker (4 of 20), seed 0; "
            "validation carved by speaker (4 of 16), seed 0"
        )
        verify(examples, splits, random=False)

    def test_rows_without_a_split_are_for_training_next_to_owned_ones(self) -> None:
        examples = [example(1), example(2, split="val"), example(3, split="test")]
        assert assign(examples)[0] == ["train", "val", "test"]

    def test_a_test_split_is_carved_next_to_the_owners_validation(self) -> None:
        examples = [*corpus(10, split="train"), example("v", split="val", speaker="v")]
        splits, summary = assign(examples)
        assert splits[-1] == "val"
        assert summary.counts == {"train": 90, "val": 1, "test": 10}

    def test_the_seed_and_the_ids_decide_not_the_order(self) -> None:
        examples = corpus(12)
        by_id = dict(zip((e.id for e in examples), assign(examples, seed=3)[0], strict=True))
        shuffled = examples.copy()
        shuffling.Random(1).shuffle(shuffled)
        again = dict(zip((e.id for e in shuffled), assign(shuffled, seed=3)[0], strict=True))
        assert by_id == again
        choices = {tuple(assign(examples, seed=seed)[1].speakers["test"]) for seed in range(10)}
        assert len(choices) > 3

    def test_the_share_is_met_with_speakers_of_unequal_size(self) -> None:
        sizes = [97, 61, 41, 33, 25, 17, 11, 7, 5, 3]  # sum 300
        examples = [
            example(f"{s}-{c}", speaker=str(s)) for s, size in enumerate(sizes) for c in range(size)
        ]
        for seed in range(5):
            counts = assign(examples, seed=seed)[1].counts
            assert abs(counts["test"] - 30) <= 8
            assert abs(counts["val"] - 0.1 * (300 - counts["test"])) <= 12

    def test_labels_are_on_both_sides_where_speakers_allow_it(self) -> None:
        """Two of ten speakers have the label "rare": one stays for training, one is for testing."""
        examples = [
            example(f"{s}-{c}", speaker=str(s), label="rare" if s < 2 and c == 0 else "common")
            for s in range(10)
            for c in range(10)
        ]
        owned = [*examples, example("v", speaker="v", split="val", label="common")]
        for seed in range(5):
            labels = assign(owned, seed=seed)[1].labels
            assert labels["test"].get("rare") == 1
            assert labels["train"].get("rare") == 1

    @pytest.mark.parametrize("num_speakers", [3, 4])
    def test_few_speakers_leave_one_for_each_split(self, num_speakers: int) -> None:
        examples = corpus(num_speakers)
        splits, summary = assign(examples)
        assert all(summary.speakers.values())
        verify(examples, splits, random=False)

    def test_small_speakers_are_not_used_up_by_the_first_split(self) -> None:
        """One of 100 and two of 1: the nearest to a tenth would be both small ones for testing."""
        sizes = {"big": 100, "one": 1, "two": 1}
        examples = [
            example(f"{s}-{i}", speaker=s) for s, size in sizes.items() for i in range(size)
        ]
        assert assign(examples)[1].counts == {"train": 100, "val": 1, "test": 1}

    def test_too_few_speakers(self) -> None:
        with pytest.raises(UserError, match=r"no test split .* 2 part\(s\) of 20 examples, for 3"):
            assign(corpus(2))
        one = [*corpus(1, split="train"), example("t", speaker="t", split="test")]
        with pytest.raises(UserError, match="no validation split"):
            assign(one)

    @pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
    def test_a_share_out_of_range(self, share: float) -> None:
        with pytest.raises(UserError, match="test_share must lie between 0 and 1"):
            assign(corpus(5), test_share=share)

    def test_recordings_stay_together(self) -> None:
        examples = [example(i, recording=f"{i // 4}.wav") for i in range(80)]
        splits, summary = assign(examples)
        assert "test carved by recording (2 of 20)" in summary.definition
        assert all(len(set(splits[i : i + 4])) == 1 for i in range(0, 80, 4))

    def test_stretches_and_bytes_of_one_recording_stay_together(self) -> None:
        same = bytes(range(100))
        examples = [
            Example(str(i), (Segment(same if i < 5 else f"{i}.wav", start=float(i)),))
            for i in range(30)
        ]
        assert len(set(assign(examples)[0][:5])) == 1

    def test_groups_stay_together(self) -> None:
        examples = [example(i, group=f"g{i // 4}") for i in range(80)]
        splits, summary = assign(examples)
        assert "test carved by group (2 of 20)" in summary.definition
        assert all(len(on) == 1 for on in sides(examples, splits, "group").values())

    def test_speakers_groups_and_scenes_join_in_chains(self) -> None:
        """a-b share a speaker, b-c a group, c-d a recording: one side; 20 others are free."""
        chain = [
            example("a", speaker="s"),
            example("b", speaker="s", group="g"),
            example("c", group="g", recording="r.wav"),
            Example("d", (Segment("d.wav"), Segment("r.wav", onset=2.0))),
        ]
        others = [example(i, speaker=f"s{i}") for i in range(20)]
        seen = set()
        for seed in range(20):
            splits, _ = assign(chain + others, seed=seed, test_share=0.3, val_share=0.3)
            assert len(set(splits[:4])) == 1
            seen.add(splits[0])
        assert len(seen) > 1

    def test_rows_without_a_speaker_go_by_recording(self) -> None:
        named = corpus(10, clips=2)
        unnamed = [example(f"u{i}", recording=f"u{i // 2}.wav") for i in range(20)]
        splits, summary = assign(named + unnamed)
        assert "carved by speaker, group or recording (2 of 20)" in summary.definition
        assert all(len(set(splits[i : i + 2])) == 1 for i in range(0, 40, 2))

    def test_random_shares_speakers_but_not_recordings(self) -> None:
        examples = [example(i, speaker=f"s{i % 2}", recording=f"{i // 2}.wav") for i in range(200)]
        splits, summary = assign(examples, random=True)
        assert summary.definition.startswith(
            "random split (speakers shared): test carved by recording (10 of 100), seed 0"
        )
        assert sides(examples, splits, "speaker")["s0"] == {"train", "val", "test"}
        assert all(splits[i] == splits[i + 1] for i in range(0, 200, 2))
        verify(examples, splits, random=True)
        with pytest.raises(UserError, match="speaker"):
            verify(examples, splits, random=False)

    def test_the_summary_is_plain_data(self) -> None:
        summary = assign(corpus(10))[1].to_dict()
        assert set(summary) == {"definition", "counts", "speakers", "labels"}
        assert summary["counts"] == {"train": 80, "val": 10, "test": 10}


class TestVerify:
    def test_an_empty_split(self) -> None:
        examples = [example(i) for i in range(15)]
        with pytest.raises(UserError) as caught:
            verify(examples, ["train"] * 12 + ["val"] * 3, random=False)
        assert str(caught.value) == "split 'test' has no examples; found: train 12, val 3"

    @pytest.mark.parametrize("kind", ["speaker", "group", "recording"])
    def test_what_is_shared_is_named(self, kind: str) -> None:
        examples = [example(i, **{kind: f"x{i % 5}"}) for i in range(15)]
        splits = ["train"] * 5 + ["val"] * 5 + ["test"] * 5
        with pytest.raises(UserError) as caught:
            verify(examples, splits, random=False)
        assert str(caught.value).startswith(
            f"5 {kind}(s) in more than one split: x0 (train, val, test), x1 (train, val, test), "
            "x2 (train, val, test) and 2 more"
        )
        if kind == "speaker":
            verify(examples, splits, random=True)
            assert "dataset.split=random" in str(caught.value)
        else:
            with pytest.raises(UserError, match=kind):
                verify(examples, splits, random=True)

    @pytest.mark.parametrize("kind", ["speaker", "group"])
    def test_an_owner_may_share_by_nature(self, kind: str) -> None:
        """SLUE's dev and test are of one set: a caution, which stands next to all scores."""
        owned = ["train"] * 4 + ["val"] * 4 + ["test"] * 4
        examples = [
            example(i, split=split, **{kind: f"x{i if split == 'train' else i % 4}"})
            for i, split in enumerate(owned)
        ]
        splits, summary = assign(examples)
        slue = corpora.corpus("slue_voxceleb")
        verify(examples, splits, random=False, may_share=slue.may_share)
        with pytest.raises(
            UserError, match=r"4 \w+\(s\) in more than one split: x0 \(train, val, test"
        ):
            verify(examples, splits, random=False)
        found = caveats(slue, examples, splits)
        assert found == [f"the owner's splits share 4 of 4 {kind}s"]
        assert caution(with_caveats(summary, found).definition) == found[0]
        own = caveats(corpora.corpus("csv"), examples, splits)
        assert caution(with_caveats(summary, own).definition) == ""
        apart = [example(i, split=split, speaker=f"s{i}") for i, split in enumerate(owned)]
        assert caveats(slue, apart, splits) == []

    def test_a_corpus_that_may_not_name_its_speakers(self) -> None:
        corpus = replace(corpora.corpus("csv"), unnamed_caveat="speakers are not known")
        unnamed, named = [example(0)], [example(0), example(1, speaker="s1")]
        assert caveats(corpus, unnamed, ["train"]) == ["speakers are not known"]
        assert caveats(corpus, named, ["train", "test"]) == []

    def test_bytes_are_not_printed(self) -> None:
        examples = [Example(str(i), (Segment(b"same recording"),)) for i in range(3)]
        with pytest.raises(UserError, match=r"1 recording.*<bytes of 14>"):
            verify(examples, ["train", "val", "test"], random=False)

    def test_examples_without_speakers_share_none(self) -> None:
        verify([example(i) for i in range(3)], ["train", "val", "test"], random=False)
