"""What `train.py` trains: models of known shapes with random weights, and rows as ids and labels."""

import json
import math
import random
from pathlib import Path
from typing import Any

SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen2.5-7b": ("Qwen2", {"vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944,
                             "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
                             "rms_norm_eps": 1e-6, "rope_theta": 1e6}),
    "smollm2-135m": ("Llama", {"vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
                               "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
                               "tie_word_embeddings": True}),
    "tiny": ("Llama", {"vocab_size": 49152, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
                       "num_attention_heads": 4, "num_key_value_heads": 2}),
}  # fmt: skip
"""`tiny` is there to try a command on a CPU."""

Rows = list[tuple[list[int], list[int]]]
"""Ids and labels."""


def make(shape: str, folder: Path, base: str = "") -> None:
    """A model of that shape with random weights, and the tokenizer of `base`, or one that nobody asks anything."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models

    kind, sizes = SHAPES[shape]
    config = getattr(transformers, f"{kind}Config")(
        **sizes, max_position_embeddings=8192, eos_token_id=2, bos_token_id=1, pad_token_id=2
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
    model.save_pretrained(folder)
    if base:
        transformers.AutoTokenizer.from_pretrained(base).save_pretrained(folder)
        return
    words = models.WordLevel({"<unk>": 0, "<s>": 1, "</s>": 2}, unk_token="<unk>")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(words), eos_token="</s>", pad_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def random_rows(count: int) -> Rows:
    """Lengths log-normal around 320 tokens, 64 to 1,024, a quarter of each the answer."""
    dice = random.Random(0)
    rows = []
    for _ in range(count):
        size = int(min(1024, max(64, dice.lognormvariate(math.log(320), 0.5))))
        answer = max(16, size // 4)
        ids = [dice.randint(10, 40000) for _ in range(size)]
        rows.append((ids, [-100] * (size - answer) + ids[size - answer :]))
    return rows


def real_rows(path: Path, base: str) -> Rows:
    """Those of prompt-completion rows."""
    from extune.model import Base, load_encoder
    from extune.train.rows import tokenise

    lines = path.read_text(encoding="utf-8").splitlines()
    rows = tokenise(map(json.loads, lines), load_encoder(Base(base, {})))
    return [(row.input_ids, row.labels) for row in rows]
