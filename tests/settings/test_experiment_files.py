"""Files of conf/experiment: the published recipes, and files that vary another one."""

import dataclasses

import pytest

from spectrobert.models.registry import MODELS
from spectrobert.settings import composition, conf

# experiment -> task, corpus and what its source states (conf/experiment names the sources)
RECIPES = {
    "superb_emotion": (
        "ser iemocap",
        "model.speech_states=weighted model.pooling=mean model.embedding_size=256"
        " model.embedding_act=none freeze.name=probe optim.name=adam optim.lr=0.0001 optim.clip=1.0"
        " optim.schedule=constant trainer.batch_size=4 trainer.accumulate=8"
        " trainer.max_steps=30000 dataset.val_share=0.2",
    ),
    "audeering": (
        "dimensional msp_podcast",
        "model.speech_model=facebook/wav2vec2-large-robust model.speech_layers=12"
        " model.pooling=mean model.embedding_size=1024 model.embedding_act=tanh"
        " model.head_dropout_prob=0.1 freeze.frozen=['audio.conv'] optim.name=adam optim.lr=0.0001"
        " trainer.batch_size=32 trainer.epochs=5",
    ),
    "wang2021_partial": (
        "ser iemocap",
        "freeze.frozen=['audio.conv'] optim.name=adam optim.lr=1e-05 optim.lr_of={'head':0.0001}"
        " optim.schedule=plateau optim.plateau_factor=0.9 optim.plateau_threshold=0.0025"
        " trainer.batch_size=4 trainer.epochs=30",
    ),
    "wang2021_entire": (
        "ser iemocap",
        "freeze.name=none optim.lr=1e-05 optim.lr_of={'head':0.0001} trainer.batch_size=4",
    ),
    "wang2021_frozen": ("ser iemocap", "freeze.name=probe optim.lr_of={'head':0.0001}"),
    "slue_baseline": (
        "sentiment slue_voxceleb",
        "freeze.frozen=['audio.conv'] model.pooling=mean optim.name=adam optim.lr=2e-05"
        " optim.schedule=tri_stage trainer.max_steps=50000 task.monitor=val/macro_f1",
    ),
    "speecht5": (
        "sentiment slue_voxceleb",
        "model.speech_model=microsoft/speecht5_asr model.text_model=microsoft/speecht5_tts"
        " model.pooling=decoder freeze.frozen=['audio.conv'] optim.name=adamw optim.lr=5e-05"
        " optim.weight_decay=0.1 trainer.batch_size=1 trainer.accumulate=16"
        " dataset.max_seconds=15.625 dataset.max_text_length=450 task.monitor=val/macro_f1",
    ),
    "odyssey2024": (
        "dimensional msp_podcast",
        "model.speech_model=microsoft/wavlm-large model.pooling=attentive optim.name=adamw"
        " optim.lr=1e-05 trainer.batch_size=32 trainer.accumulate=4 trainer.epochs=20",
    ),
    "russian_xlsr_classification": (
        "ser iemocap",
        "model.speech_model=facebook/wav2vec2-xls-r-300m model.head_dropout_prob=0.5"
        " freeze.frozen=['audio.conv'] optim.lr=1e-05 trainer.batch_size=8 task.contrastive=0.0",
    ),
    "russian_xlsr_contrastive": (
        "ser iemocap",
        "model.speech_model=facebook/wav2vec2-xls-r-300m model.embedding_size=128"
        " model.embedding_act=none model.classifier=class_means task.contrastive=1.0"
        " dataset.balance=batches optim.lr=1e-05 trainer.batch_size=8",
    ),
    "audeering_classification": (
        "ser iemocap",
        "init.speech_model=audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
        " freeze.frozen=['audio.conv'] optim.lr=1e-05 trainer.batch_size=8 task.contrastive=0.0",
    ),
    "audeering_contrastive": (
        "ser iemocap",
        "init.speech_model=audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
        " model.embedding_size=128 task.contrastive=1.0 trainer.batch_size=12",
    ),
    "cmt_hubert": ("ser iemocap", "model.fusion=audio model.text_model= model.pooling=mean"),
    "cmt_roberta": ("ser iemocap", "model.fusion=text model.text_model=FacebookAI/roberta-base"),
    "cmt_shallow_fusion": (
        "ser iemocap",
        "model.fusion=concat model.speech_model=facebook/hubert-base-ls960",
    ),
    "cmt_base": (
        "ser iemocap",
        "model.fusion=cross model.fusion_layers=4 model.orthogonality=0.0"
        " model.layer_pooler=False optim.lr_of={'head':0.0001,'fusion':0.0001}",
    ),
    "cmt_large": (
        "ser iemocap",
        "model.fusion=cross model.speech_model=facebook/hubert-large-ll60k"
        " model.text_model=FacebookAI/roberta-large",
    ),
    "cmt_cm_bert": (
        "ser iemocap",
        "model.fusion=cm_bert freeze.frozen=['audio','text.embeddings'] optim.lr=2e-05"
        " optim.lr_of={'fusion':0.01} trainer.batch_size=24 dataset.max_text_length=50"
        " task.epochs=3 optim.warmup_share=0.1",
    ),
    "cmt_base_orthogonality": ("ser iemocap", "model.fusion=cross model.orthogonality=0.1"),
    "cmt_base_layer_pooler": ("ser iemocap", "model.fusion=cross model.layer_pooler=True"),
    "cmt_mult": (
        "ser iemocap",
        "model.fusion=mult model.mult_width=30 model.mult_heads=5 model.fusion_layers=5"
        " model.pooling=last optim.name=adam optim.lr=0.001 optim.clip=0.8 trainer.batch_size=24"
        " task.epochs=40 freeze.train=['head','pooling','fusion']",
    ),
    "cmt_ctal": (
        "ser iemocap",
        "model.fusion=ctal model.fusion_layers=6 model.orthogonality=1.0 optim.lr=1e-05"
        " optim.weight_decay=0.01 trainer.batch_size=2",
    ),
    "ctal_pretraining": (
        "pre librispeech",
        "task.objectives={'mlm':1.0,'masked_acoustic':1.0} task.mask_seconds=0.25"
        " task.mask_longest=0.625 task.mask_swapped=0.1 task.mask_kept=0.1 optim.lr=5e-05"
        " trainer.batch_size=6",
    ),
    "cmt_jbl": (
        "ser iemocap",
        "model.fusion=concat model.pooling=first model.text_pooling=first optim.beta2=0.98"
        " optim.weight_decay=0.1 trainer.batch_size=1 trainer.accumulate=8 task.epochs=10",
    ),
    "cmt_jbl_stack-up": ("ser iemocap", "model.fusion=coattention task.epochs=10"),
    "whisper_random": (
        "ser ravdess",
        "init.speech_model=random freeze.name=probe model.speech_states=2-4"
        " model.speech={'model_type':'whisper','d_model':512,'encoder_layers':6,"
        "'encoder_attention_heads':8,'encoder_ffn_dim':2048}",
    ),
    "whisper_lora": ("ser ravdess", "freeze.lora_rank=8 freeze.train=['head','pooling']"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_that_of_its_source(name):
    place, stated = RECIPES[name]
    task, dataset = place.split()
    words = ["--task", task, "--dataset", dataset, f"experiment={name}"]
    config = composition.compose(words)
    assert config.experiment_name == f"{dataset}_{name}"
    for statement in stated.split():
        key, _, value = statement.partition("=")
        group, option = key.split(".")
        found = getattr(getattr(config, group), option)
        assert str(found).replace(" ", "") == value, key


@pytest.mark.parametrize(
    "name", sorted(RECIPES.keys() - {"whisper_lora"})
)  # its checkpoint has the sizes
def test_the_model_of_a_recipe_is_allowed(name):
    task, dataset = RECIPES[name][0].split()
    words = ["--task", task, "--dataset", dataset, f"experiment={name}"]
    options = dataclasses.asdict(composition.compose(words).model)
    kind = MODELS[options["architecture"]].config_class
    assert kind(**options, head="classification", num_logits=4).head_dropout_prob < 1


def test_a_file_that_varies_another_changes_what_it_names_alone():
    words = ["--task", "ser", "--dataset", "iemocap"]
    base, pooled = (
        dataclasses.asdict(composition.compose([*words, f"experiment={name}"]))
        for name in ("cmt_base", "cmt_base_layer_pooler")
    )
    base["model"]["layer_pooler"], base["experiment_name"] = True, "iemocap_cmt_base_layer_pooler"
    assert pooled == base


@pytest.mark.parametrize(
    ("experiment", "model"),
    [
        ("cmt_large", ["cmt_large"]),  # its own, not that of the file it varies
        ("whisper_random", ["whisper_base"]),  # of a file that varies a file
        ("ser_baseline", []),
    ],
)
def test_the_model_of_an_experiment_file(experiment, model):
    assert conf.models_of(experiment) == model
