"""Options of SFTConfig that training here does not follow, and what it follows instead."""

from collections.abc import Mapping
from typing import Any

_ROWS = "rows come tokenised, with the loss on the answer"
_RECOMPUTE = "train.speed.recompute says what is computed again"
ELSEWHERE = "the adapter goes to models/adapter, the metrics to MLflow"
_CHECKPOINTS = "train.checkpoint says when one is written and how many stay"
_STEP = "a step's rows, and what follows a full memory, are this trainer's own"
_EVAL = "there is no evaluation set in training; train.best looks at dev"
UNREAD: dict[str, str] = {
    **dict.fromkeys(
        ("packing", "packing_strategy", "padding_free", "eval_packing", "pad_to_multiple_of"),
        "train.speed.packed says how rows are laid",
    ),
    **dict.fromkeys(("dataset_text_field", "dataset_num_proc", "dataset_kwargs", "completion_only_loss"), _ROWS),
    **dict.fromkeys(("assistant_only_loss", "truncation_mode", "eos_token", "pad_token", "chat_template_path"), _ROWS),
    **dict.fromkeys(("shuffle_dataset", "remove_unused_columns", "label_names", "length_column_name"), _ROWS),
    **dict.fromkeys(("model_init_kwargs", "trust_remote_code"), "model says how the base is loaded"),
    **dict.fromkeys(("gradient_checkpointing", "gradient_checkpointing_kwargs", "activation_offloading"), _RECOMPUTE),
    **dict.fromkeys(("activation_checkpointing", "activation_checkpointing_kwargs"), _RECOMPUTE),
    **dict.fromkeys(("torch_compile", "torch_compile_backend", "torch_compile_mode"), "train.speed.compile says so"),
    **dict.fromkeys(("loss_type", "label_smoothing_factor", "use_liger_kernel"), "the loss is train/loss.py's own"),
    **dict.fromkeys(("liger_kernel_config", "router_aux_loss_coef"), "the loss is train/loss.py's own"),
    **dict.fromkeys(("output_dir", "run_name", "report_to", "project", "push_to_hub"), ELSEWHERE),
    **dict.fromkeys(("hub_token", "hub_private_repo", "hub_model_id", "hub_strategy", "hub_always_push"), ELSEWHERE),
    **dict.fromkeys(("hub_revision", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"), ELSEWHERE),
    **dict.fromkeys(("save_strategy", "save_steps", "save_total_limit", "save_only_model"), _CHECKPOINTS),
    **dict.fromkeys(("save_on_each_node", "enable_jit_checkpoint", "resume_from_checkpoint"), _CHECKPOINTS),
    **dict.fromkeys(("ignore_data_skip", "restore_callback_states_from_checkpoint"), _CHECKPOINTS),
    **dict.fromkeys(("auto_find_batch_size", "torch_empty_cache_steps", "include_num_input_tokens_seen"), _STEP),
    **dict.fromkeys(("dataloader_drop_last", "dataloader_persistent_workers", "dataloader_prefetch_factor"), _STEP),
    **dict.fromkeys(("dataloader_multiprocessing_context", "use_cache", "do_train", "do_predict"), _STEP),
    **dict.fromkeys(("eval_strategy", "eval_steps", "eval_delay", "eval_on_start", "eval_accumulation_steps"), _EVAL),
    **dict.fromkeys(("do_eval", "per_device_eval_batch_size", "eval_use_gather_object", "batch_eval_metrics"), _EVAL),
    **dict.fromkeys(("load_best_model_at_end", "metric_for_best_model", "greater_is_better"), _EVAL),
    **dict.fromkeys(("prediction_loss_only", "include_for_metrics", "bf16_full_eval", "fp16_full_eval"), _EVAL),
}
"""Key of train.sft: why it is not followed."""


def unread(sft: Mapping[str, Any]) -> dict[str, str]:
    """Of the keys that ask for something: why nothing comes of it."""
    nothing: tuple[Any, ...] = (None, False, [], {}, "", "none", "no")
    return {key: why for key, why in UNREAD.items() if key in sft and sft[key] not in nothing}


def followed(sft: Mapping[str, Any]) -> dict[str, Any]:
    """The options without these: some would be followed by half, and some reach out to the network."""
    return {key: value for key, value in sft.items() if key not in UNREAD}
