"""A llama of two layers with random weights and one token for each byte: it loads at once, and says nonsense quickly."""
import sys

import gguf
import numpy as np

WIDTH, HEADS, INNER, LAYERS, CONTEXT = 64, 4, 128, 2, 8192
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LETTERS = ["\u2581", *"abcdefghijklmnopqrstuvwxyz"]
TOKENS = ["<unk>", "<s>", "</s>", *BYTES, *LETTERS]
KIND = gguf.TokenType
KINDS = [KIND.UNKNOWN, KIND.CONTROL, KIND.CONTROL, *[KIND.BYTE] * len(BYTES), *[KIND.NORMAL] * len(LETTERS)]

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("tiny")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(WIDTH)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(INNER)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(WIDTH // HEADS)
writer.add_vocab_size(len(TOKENS))
writer.add_tokenizer_model("llama")
writer.add_token_list(TOKENS)
writer.add_token_scores([0.0] * len(TOKENS))
writer.add_token_types(KINDS)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)
writer.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")

random = np.random.default_rng(7)


def weights(name, *shape):
    writer.add_tensor(f"{name}.weight", (random.standard_normal(shape) * 0.2).astype(np.float32))


def ones(name):
    writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))


weights("token_embd", len(TOKENS), WIDTH)
weights("output", len(TOKENS), WIDTH)
ones("output_norm")
for layer in range(LAYERS):
    for name in ("attn_norm", "ffn_norm"):
        ones(f"blk.{layer}.{name}")
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        weights(f"blk.{layer}.{name}", WIDTH, WIDTH)
    for name in ("ffn_gate", "ffn_up"):
        weights(f"blk.{layer}.{name}", INNER, WIDTH)
    weights(f"blk.{layer}.ffn_down", WIDTH, INNER)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
