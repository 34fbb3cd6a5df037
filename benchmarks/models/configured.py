"""Networks of transformers, diffusers and torch_geometric from small configurations, and a
Conformer: each function builds one. What they are given is said in ``configured.yaml``."""

from __future__ import annotations

from typing import Any

from torch import nn

SMALL = {"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT = {**SMALL, "intermediate_size": 64, "max_position_embeddings": 64}
IMAGE = {key: value for key, value in SMALL.items() if key != "vocab_size"} | {
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}


def _transformer(name: str, config: str, **options: Any) -> nn.Module:
    import transformers

    network: nn.Module = getattr(transformers, name)(getattr(transformers, config)(**options))
    return network


def bert() -> nn.Module:
    """An encoder of text."""
    return _transformer("BertForSequenceClassification", "BertConfig", **TEXT)


def gpt2() -> nn.Module:
    """A decoder of text with learned positions."""
    sizes = {"vocab_size": 100, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
    return _transformer("GPT2LMHeadModel", "GPT2Config", **sizes)


def llama() -> nn.Module:
    """A decoder of text with rotated positions and shared keys."""
    return _transformer("LlamaForCausalLM", "LlamaConfig", **TEXT, num_key_value_heads=1)


def t5() -> nn.Module:
    """An encoder and a decoder of text."""
    sizes = {"vocab_size": 100, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2}
    return _transformer("T5ForConditionalGeneration", "T5Config", **sizes, num_heads=4)


def vit() -> nn.Module:
    """An encoder of images."""
    return _transformer("ViTForImageClassification", "ViTConfig", **IMAGE)


def whisper() -> nn.Module:
    """From spectrograms to text."""
    sides = {
        f"{side}_{what}": size
        for side in ("encoder", "decoder")
        for what, size in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 64))
    }
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    lengths = {"num_mel_bins": 20, "max_source_positions": 50, "max_target_positions": 32}
    options = {"vocab_size": 100, "d_model": 32, **sides, **tokens, **lengths}
    return _transformer("WhisperForConditionalGeneration", "WhisperConfig", **options)


def clip() -> nn.Module:
    """An image beside a text."""
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    options = {"text_config": {**TEXT, **tokens}, "vision_config": IMAGE, "projection_dim": 16}
    return _transformer("CLIPModel", "CLIPConfig", **options)


def segformer() -> nn.Module:
    """A map of classes from a pyramid of attention."""
    sizes = {"hidden_sizes": [8, 16, 24, 32], "num_attention_heads": [1, 2, 3, 4]}
    options = {**sizes, "depths": [1] * 4, "decoder_hidden_size": 16}
    return _transformer("SegformerForSemanticSegmentation", "SegformerConfig", **options)


def detr() -> nn.Module:
    """Boxes from queries."""
    import transformers

    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1] * 4, out_features=["stage4"]
    )
    sides = {
        f"{side}_{what}": size
        for side in ("encoder", "decoder")
        for what, size in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))
    }
    options = {"backbone_config": backbone, "d_model": 32, "num_queries": 5, **sides}
    return _transformer("DetrForObjectDetection", "DetrConfig", **options)


def unet() -> nn.Module:
    """One step from noise to an image that a text describes."""
    from diffusers import UNet2DConditionModel

    network: nn.Module = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=24,
        attention_head_dim=4,
        norm_num_groups=4,
    )
    return network


def sage() -> nn.Module:
    """Nodes that average over their neighbours."""
    from torch_geometric.nn import GraphSAGE

    network: nn.Module = GraphSAGE(16, 32, num_layers=2, out_channels=7)
    return network


def gcn() -> nn.Module:
    """Nodes with edges to themselves."""
    from torch_geometric.nn import GCN

    network: nn.Module = GCN(16, 32, num_layers=2, out_channels=7)
    return network


def conformer() -> nn.Module:
    """Sequences of given lengths, with attention and convolutions."""
    from benchmarks.models.conformer import Conformer

    return Conformer(80, 32, heads=2, layers=2, kernel=5)
