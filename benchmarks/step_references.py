#!/usr/bin/env python3
"""The training steps of bench_step's device cases in PyTorch: JSON lines with the time of a step, sets/s, tokens/s, peak
memory, and the rate of useful operations, counted for recpo's tree as src/train/step_shape.hpp does, so that they compare.

    benchmarks/step_references.py [--peak FLOPS] [--compile] [--quick] [--tiny]

usual  what DPO trainers do: 1 + K whole sequences a set through the policy and, without gradients, through a reference
       model beside it; logits at all positions
best   1 + K whole sequences, but reference log-probs are known beforehand and logits exist on answer rows only
Both: bfloat16 weights and gradients, fp32 master weights and moments (fused AdamW), scaled_dot_product_attention, no
recomputation, gradients of sixteen micro-batches added up. A micro-batch that does not fit into memory is halved, the sets
of a step stay the same. The decoder is Transformers' LlamaForCausalLM where installed, else the one below. Rows (one
answer) are trained as SFT and need no reference. Needs PyTorch; --tiny tries it anywhere.
"""
import argparse
import dataclasses
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

try:
    import transformers
except ImportError:
    transformers = None

MICRO_BATCHES = 16


@dataclasses.dataclass
class Shape:
    name: str
    vocab: int
    hidden: int
    ffn: int
    layers: int
    heads: int
    kv_heads: int
    tied: bool
    prompt: int = 1024
    answer: int = 9

    @property
    def head_dim(self):
        return self.hidden // self.heads

    @property
    def kv_width(self):
        return self.kv_heads * self.head_dim


SHAPES = [Shape("llama-3.2-1b", 128256, 2048, 8192, 16, 32, 8, True),
          Shape("llama-3.1-8b", 128256, 4096, 14336, 4, 32, 8, False)]
TINY = [Shape("tiny", 512, 64, 176, 2, 4, 2, True, prompt=64)]


def useful_flops(shape, sets, answers):
    """Forward and backward of the tree: the prompt once, logits on rows that predict an answer token."""
    fed = shape.answer - 1  # the last token is only predicted
    tokens = sets * (shape.prompt + answers * fed)
    weights = shape.hidden * (2 * shape.hidden + 2 * shape.kv_width + 3 * shape.ffn)
    seen = shape.prompt * (shape.prompt + 1) // 2 + answers * sum(shape.prompt + i + 1 for i in range(fed))
    head = sets * (1 + answers * fed) * shape.hidden * shape.vocab
    return 3 * 2 * (shape.layers * (tokens * weights + 2 * sets * seen * shape.hidden) + head)


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.shape = s
        self.norm, self.mlp_norm = nn.RMSNorm(s.hidden, eps=1e-5), nn.RMSNorm(s.hidden, eps=1e-5)
        self.qkv = nn.Linear(s.hidden, s.hidden + 2 * s.kv_width, bias=False)
        self.o = nn.Linear(s.hidden, s.hidden, bias=False)
        self.gate_up = nn.Linear(s.hidden, 2 * s.ffn, bias=False)
        self.down = nn.Linear(s.ffn, s.hidden, bias=False)

    def forward(self, x, rotation):
        s, (batch, tokens, _) = self.shape, x.shape
        q, k, v = self.qkv(self.norm(x)).split([s.hidden, s.kv_width, s.kv_width], dim=-1)
        heads = [t.view(batch, tokens, -1, s.head_dim).transpose(1, 2) for t in (q, k, v)]
        q, k = (rotate(t, *rotation) for t in heads[:2])
        groups = s.heads // s.kv_heads
        k, v = (t.repeat_interleave(groups, dim=1) for t in (k, heads[2]))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(out.transpose(1, 2).reshape(batch, tokens, s.hidden))
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotate(x, cosine, sine):
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine


class Decoder(nn.Module):
    """The same interface as LlamaForCausalLM as far as it is used here: hidden states, and the head's weight."""

    def __init__(self, s):
        super().__init__()
        self.embedding = nn.Embedding(s.vocab, s.hidden)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.norm = nn.RMSNorm(s.hidden, eps=1e-5)
        self.head = nn.Linear(s.hidden, s.vocab, bias=False)
        if s.tied:
            self.head.weight = self.embedding.weight
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
        self.inverse = 500000.0 ** (-torch.arange(0, s.head_dim, 2).float() / s.head_dim)

    def hidden_states(self, ids):
        angles = torch.arange(ids.shape[1], device=ids.device)[:, None] * self.inverse.to(ids.device)
        angles = torch.cat([angles, angles], dim=-1)
        dtype = self.embedding.weight.dtype
        x, rotation = self.embedding(ids), (angles.cos().to(dtype), angles.sin().to(dtype))
        for block in self.blocks:
            x = block(x, rotation)
        return self.norm(x)

    def logits(self, hidden):
        return self.head(hidden)


class TransformersDecoder(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(
            vocab_size=s.vocab, hidden_size=s.hidden, intermediate_size=s.ffn, num_hidden_layers=s.layers,
            num_attention_heads=s.heads, num_key_value_heads=s.kv_heads, tie_word_embeddings=s.tied,
            max_position_embeddings=131072, attn_implementation="sdpa"))

    def hidden_states(self, ids):
        return self.llama.model(input_ids=ids, use_cache=False).last_hidden_state

    def logits(self, hidden):
        return self.llama.lm_head(hidden)


def make_decoder(shape, device):
    torch.manual_seed(1)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        decoder = TransformersDecoder(shape) if transformers else Decoder(shape)
    torch.set_default_dtype(torch.float32)
    return decoder


def answer_logps(decoder, ids, answer, all_positions):
    """Log-probs of each sequence's last `answer` tokens."""
    hidden = decoder.hidden_states(ids)
    if not all_positions:
        hidden = hidden[:, -answer - 1:-1]
    logits = decoder.logits(hidden)
    if all_positions:
        logits = logits[:, :-1]
    targets = ids[:, -logits.shape[1]:]
    rows = []
    for row_logits, row_targets in zip(logits, targets):  # one by one, as TRL does: a copy of all logits is large
        logp = F.log_softmax(row_logits, dim=-1).gather(-1, row_targets[:, None]).squeeze(-1)
        rows.append(logp[-answer:].float().sum())
    return torch.stack(rows)


def loss_of(logps, reference, answers):
    if answers == 1:
        return -logps.mean()
    rewards = (logps - reference).view(-1, answers)
    return torch.log1p((rewards[:, 1:] - rewards[:, :1]).exp().sum(-1)).mean()


class Trainer:
    def __init__(self, shape, answers, way, device, compiled):
        self.shape, self.answers, self.usual = shape, answers, way == "usual"
        self.policy = make_decoder(shape, device)
        self.reference = make_decoder(shape, device).requires_grad_(False) if self.usual and answers > 1 else None
        self.parameters = list(self.policy.parameters())
        self.master = [p.detach().float().requires_grad_() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(self.master, lr=1e-5, weight_decay=0.0, fused=device == "cuda")
        if compiled:
            self.policy.hidden_states = torch.compile(self.policy.hidden_states)

    def micro_batch(self, ids, share):
        reference = torch.full((ids.shape[0],), -20.0, device=ids.device)
        if self.reference is not None:
            with torch.no_grad():
                reference = answer_logps(self.reference, ids, self.shape.answer, self.usual)
        logps = answer_logps(self.policy, ids, self.shape.answer, self.usual)
        (share * loss_of(logps, reference, self.answers)).backward()

    def step(self, micro_batches):
        for ids in micro_batches:
            self.micro_batch(ids, 1 / len(micro_batches))
        for master, parameter in zip(self.master, self.parameters):
            master.grad = parameter.grad.float()
            parameter.grad = None
        nn.utils.clip_grad_norm_(self.master, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            for master, parameter in zip(self.master, self.parameters):
                parameter.copy_(master)
                master.grad = None


def measure(shape, sets, answers, way, options, device):
    """Of a step of MICRO_BATCHES times `sets` sets; None where not even one set fits."""
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    trainer = Trainer(shape, answers, way, device, options.compile)
    ids = torch.randint(shape.vocab, (MICRO_BATCHES * sets * answers, shape.prompt + shape.answer), device=device)
    fitting = sets
    while fitting >= 1:
        micro_batches = ids.split(fitting * answers)
        try:
            trainer.step(micro_batches)
            synchronize()
            break
        except torch.cuda.OutOfMemoryError:
            for parameter in trainer.parameters:
                parameter.grad = None
            fitting //= 2
        torch.cuda.empty_cache()
    else:
        return None
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    steps = 2 if options.quick else 4
    begin = time.perf_counter()
    for _ in range(steps):
        trainer.step(micro_batches)
    synchronize()
    seconds = (time.perf_counter() - begin) / steps
    flops = MICRO_BATCHES * useful_flops(shape, sets, answers)
    tree_tokens = MICRO_BATCHES * sets * (shape.prompt + answers * (shape.answer - 1))
    return {"case": f"{shape.name}/{sets}/{answers}", "way": way, "micro_batch_sets": fitting, "ms": 1e3 * seconds,
            "sets/s": MICRO_BATCHES * sets / seconds, "tokens/s": tree_tokens / seconds,
            "fed_tokens/s": ids.numel() / seconds, "useful_TFLOP/s": 1e-12 * flops / seconds,
            "MFU": flops / seconds / options.peak if options.peak else None,
            "peak_GB": 1e-9 * torch.cuda.max_memory_allocated() if device == "cuda" else None}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peak", type=float, help="FLOP/s of the card's data sheet, for MFU")
    parser.add_argument("--compile", action="store_true", help="torch.compile the decoder's blocks")
    parser.add_argument("--quick", action="store_true", help="fewer steps and cases")
    parser.add_argument("--tiny", action="store_true", help="a tiny model")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.tiny:
        parser.error("no GPU is here: try it with --tiny")
    decoder = f"transformers {transformers.__version__}" if transformers else "own"
    for shape in TINY if options.tiny else SHAPES:
        for sets, answers, way in [(4, 4, "best"), (4, 4, "usual")] + (
                [] if options.quick else [(8, 4, "best"), (4, 1, "best"), (8, 1, "best")]):
            line = measure(shape, sets, answers, way, options, device)
            line = line or {"case": f"{shape.name}/{sets}/{answers}", "way": way, "note": "not even one set fits"}
            print(json.dumps({**line, "torch": torch.__version__, "decoder": decoder}), flush=True)
            if device == "cuda":
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
