#!/usr/bin/env python3
"""GRU4Rec, Caser and SASRec in PyTorch, independent of recpo, on rows that `recpo prepare --export` wrote.

    baseline_reference.py train --rows rows.jsonl [--models gru4rec,caser,sasrec] [--seeds 1,2,3] [--threads 2]
    baseline_reference.py golden tests/golden/baselines/steps.json

`train` trains with the settings of recpo's [baseline] and early stopping, and prints HR@1 on the test rows and seconds
an epoch. `golden` writes three training steps of tiny models in double without dropout, from weights that are functions
of their names (tests/oracle/formula_weights.hpp): losses, gradients of the first step, weights after the last.
"""
import argparse
import json
import random
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

HEIGHTS, FILTERS = (2, 3, 4), 16


class Scored(nn.Module):
    """Scores of items by the state of a history: the product with their vectors, which may be those of the histories."""

    def __init__(self, items, hidden, shares_items):
        super().__init__()
        self.items = nn.Embedding(items + 1, hidden, padding_idx=items)  # the last one is padding
        nn.init.normal_(self.items.weight, 0, hidden ** -0.5)
        with torch.no_grad():
            self.items.weight[items] = 0
        self.output = None if shares_items else nn.Embedding(items, hidden)
        if self.output is not None:
            nn.init.normal_(self.output.weight, 0, hidden ** -0.5)
            self.output_bias = nn.Parameter(torch.zeros(items))

    def scores(self, histories, lengths, items):
        state = self.state(histories, lengths)
        table = self.items if self.output is None else self.output
        scores = (table(items) * state[:, None]).sum(-1)
        return scores if self.output is None else scores + self.output_bias[items]


class Gru4Rec(Scored):
    def __init__(self, items, hidden, length, dropout, **_):
        super().__init__(items, hidden, False)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)

    def state(self, histories, lengths):
        # Padding moves behind the history, so that the first state is that of the first item.
        length = histories.shape[1]
        place = (torch.arange(length)[None] + length - lengths[:, None]) % length
        packed = self.dropout(self.items(histories.gather(1, place)))
        return self.gru(packed)[0][torch.arange(len(lengths)), lengths - 1]


class Caser(Scored):
    def __init__(self, items, hidden, length, dropout, **_):
        super().__init__(items, hidden, False)
        self.length = max(length, HEIGHTS[-1])
        bound = (HEIGHTS[-1] * hidden) ** -0.5
        self.horizontal = nn.ModuleList(nn.Conv2d(1, FILTERS, (height, hidden)) for height in HEIGHTS)
        for layer in self.horizontal:
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)
        self.vertical = nn.Conv2d(1, 1, (self.length, 1), bias=False)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(FILTERS * len(HEIGHTS) + hidden, hidden)

    def state(self, histories, lengths):
        histories = functional.pad(histories, (self.length - histories.shape[1], 0), value=self.items.padding_idx)
        image = self.items(histories)[:, None]
        pooled = [functional.relu(layer(image)).squeeze(3).amax(2) for layer in self.horizontal]
        features = torch.cat([*pooled, self.vertical(image).flatten(1)], 1)
        return functional.relu(self.dense(self.dropout(features)))


class Block(nn.Module):
    def __init__(self, hidden, dropout):
        super().__init__()
        self.norm, self.norm2 = nn.LayerNorm(hidden, 1e-8), nn.LayerNorm(hidden, 1e-8)
        self.query, self.key_value = nn.Linear(hidden, hidden, False), nn.Linear(hidden, 2 * hidden, False)
        self.inner, self.outer = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask):
        normed = self.norm(x)
        key, value = self.key_value(normed).chunk(2, -1)
        x = x + self.dropout(functional.scaled_dot_product_attention(self.query(normed), key, value, mask))
        return x + self.dropout(self.outer(functional.relu(self.inner(self.norm2(x)))))


class SasRec(Scored):
    def __init__(self, items, hidden, length, dropout, blocks=1):
        super().__init__(items, hidden, True)
        self.positions = nn.Parameter(torch.randn(length, hidden) * hidden ** -0.5)
        self.blocks = nn.ModuleList(Block(hidden, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(hidden, 1e-8)
        self.dropout = nn.Dropout(dropout)

    def state(self, histories, lengths):
        length = histories.shape[1]
        x = self.dropout(self.items(histories) + self.positions[-length:])
        place = torch.arange(length)
        seen = (place[:, None] >= place) & (place >= length - lengths[:, None, None])
        mask = seen | torch.eye(length, dtype=torch.bool)  # a row of padding sees itself: no empty softmax
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x[:, -1])


MODELS = {"gru4rec": Gru4Rec, "caser": Caser, "sasrec": SasRec}


def loss_of(scores):
    """Binary cross-entropy of the answers (column 0) and the negatives (column 1)."""
    return (functional.softplus(-scores[:, 0]) + functional.softplus(scores[:, 1])).mean()


class Rows:
    """Items as numbers in order of appearance, training rows first; histories padded at their beginning."""

    def __init__(self, path):
        lines = {"train": [], "valid": [], "test": []}
        with open(path, encoding="utf-8") as file:
            for line in map(json.loads, file):
                if line["split"] in lines:
                    lines[line["split"]].append(line)
        self.numbers = {}
        for split, rows in lines.items():
            for row in rows:
                for item in [*row["history"], *row["candidates"]]:
                    self.numbers.setdefault(item["item"], len(self.numbers))
            if split == "train":
                self.num_training = len(self.numbers)
        self.length = max(len(row["history"]) for rows in lines.values() for row in rows)
        self.splits = {split: self.tensors(rows) for split, rows in lines.items()}

    def tensors(self, rows):
        histories = torch.full((len(rows), self.length), len(self.numbers))
        lengths = torch.empty(len(rows), dtype=torch.long)
        for i, row in enumerate(rows):
            history = [self.numbers[item["item"]] for item in row["history"]]
            histories[i, self.length - len(history):] = torch.tensor(history)
            lengths[i] = len(history)
        candidates = torch.tensor([[self.numbers[item["item"]] for item in row["candidates"]] for row in rows])
        return histories, lengths, candidates, torch.tensor([row["preferred"] for row in rows])


def hit_rate(model, split):
    histories, lengths, candidates, preferred = split
    model.eval()
    with torch.no_grad():
        hits = model.scores(histories, lengths, candidates).argmax(1) == preferred
    model.train()
    return hits.double().mean().item()


def train(name, rows, options, seed):
    torch.manual_seed(seed)
    model = MODELS[name](len(rows.numbers), options.hidden, rows.length, options.dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr, weight_decay=options.weight_decay)
    histories, lengths, candidates, preferred = rows.splits["train"]
    targets = candidates[torch.arange(len(preferred)), preferred]
    best, best_epoch, best_weights, seconds = -1.0, 0, None, []
    for epoch in range(1, options.epochs + 1):
        start = time.perf_counter()
        for batch in torch.randperm(len(targets)).split(options.batch):
            answers = targets[batch]
            negatives = torch.randint(rows.num_training - 1, answers.shape)
            negatives[negatives == answers] = rows.num_training - 1
            optimizer.zero_grad()
            loss = loss_of(model.scores(histories[batch], lengths[batch], torch.stack([answers, negatives], 1)))
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
        rate = hit_rate(model, rows.splits["valid"])
        if rate > best:
            best, best_epoch = rate, epoch
            best_weights = {key: value.clone() for key, value in model.state_dict().items()}
        if epoch - best_epoch >= options.patience:
            break
    model.load_state_dict(best_weights)
    return hit_rate(model, rows.splits["test"]), best, best_epoch, epoch, statistics.median(seconds)


def run_training(options):
    torch.set_num_threads(options.threads)
    rows = Rows(options.rows)
    print(f"{len(rows.numbers)} items, {rows.num_training} of them in training rows; histories of at most {rows.length}")
    for name in options.models.split(","):
        rates = []
        for seed in map(int, options.seeds.split(",")):
            test, valid, best_epoch, epochs, seconds = train(name, rows, options, seed)
            rates.append(test)
            print(f"{name} seed {seed}: HR@1 test {test:.4f}, valid {valid:.4f} (epoch {best_epoch} of {epochs}), "
                  f"{seconds:.2f} s an epoch", flush=True)
        print(f"{name}: HR@1 test {statistics.mean(rates):.4f} (mean of {len(rates)})", flush=True)


# --- golden steps ---------------------------------------------------------------------------------------------------

ITEMS, HIDDEN, LENGTH, STEPS, LR, L2 = 11, 4, 6, 3, 1e-2, 1e-3


def formula(name, count):
    """tests/oracle/formula_weights.hpp: FNV-1a of the name, then SplitMix64 of the index, in [-1, 1)."""
    mask = (1 << 64) - 1
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 & mask
    values = []
    for i in range(count):
        x = (seed + (i + 1) * 0x9E3779B97F4A7C15) & mask
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
        x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
        values.append(((x ^ x >> 31) >> 48) * 2.0 ** -15 - 1)
    return torch.tensor(values, dtype=torch.float64)


def recpo_tensors(name, model, of):
    """recpo's parameters by name, each as a function of the module's: `of` takes a parameter to what is wanted of it."""
    table = {"items": of(model.items.weight)[:ITEMS]}
    if name == "gru4rec":
        for kind, part in (("ih", "input"), ("hh", "hidden")):
            table[f"gru.{part}.weight"] = of(getattr(model.gru, f"weight_{kind}_l0"))
            table[f"gru.{part}.bias"] = of(getattr(model.gru, f"bias_{kind}_l0"))
    if name == "caser":
        # rows: height by height, within it offset by offset, within it filter by filter
        rows = [of(layer.weight)[:, 0].transpose(0, 1).flatten(0, 1) for layer in model.horizontal]
        table["horizontal.weight"] = torch.cat(rows)
        table["horizontal.bias"] = torch.cat([of(layer.bias) for layer in model.horizontal])
        table["vertical.weight"] = of(model.vertical.weight).flatten()
        table["dense.weight"], table["dense.bias"] = of(model.dense.weight), of(model.dense.bias)
    if name == "sasrec":
        table["positions"] = of(model.positions)
        for i, block in enumerate(model.blocks):
            for part, module in block.named_children():
                for key, value in module.named_parameters():
                    table[f"block{i}.{part}.{key}"] = of(value)
        table["norm.weight"], table["norm.bias"] = of(model.norm.weight), of(model.norm.bias)
    if model.output is not None:
        table["output.items"], table["output.bias"] = of(model.output.weight), of(model.output_bias)
    return table


def set_formula_weights(name, model):
    """Writes through views of the parameters, so that the mapping above is the only one."""
    with torch.no_grad():
        if name == "caser":  # its filters are not views of one matrix
            rows = formula("horizontal.weight", FILTERS * sum(HEIGHTS) * HIDDEN).view(-1, FILTERS, HIDDEN)
            bias, offset = formula("horizontal.bias", FILTERS * len(HEIGHTS)).view(-1, FILTERS), 0
            for i, (height, layer) in enumerate(zip(HEIGHTS, model.horizontal)):
                layer.weight.copy_(rows[offset:offset + height].transpose(0, 1)[:, None])
                layer.bias.copy_(bias[i])
                offset += height
        for key, view in recpo_tensors(name, model, lambda parameter: parameter.data).items():
            if not key.startswith("horizontal"):
                view.copy_(formula(key, view.numel()).view(view.shape))


def golden_batch(draw):
    histories = [[draw.randrange(ITEMS) for _ in range(draw.randint(1, LENGTH))] for _ in range(7)]
    histories[0] = histories[0][:1]
    answers = [draw.randrange(ITEMS) for _ in histories]
    negatives = [(answer + draw.randint(1, ITEMS - 1)) % ITEMS for answer in answers]
    return {"histories": histories, "answers": answers, "negatives": negatives}


def golden_steps(name, batches, blocks):
    model = MODELS[name](ITEMS, HIDDEN, LENGTH, 0.0, blocks=blocks).double()
    set_formula_weights(name, model)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, weight_decay=L2)
    losses, gradients = [], None
    for batch in batches:
        histories = torch.full((len(batch["histories"]), LENGTH), ITEMS)
        for i, history in enumerate(batch["histories"]):
            histories[i, LENGTH - len(history):] = torch.tensor(history)
        lengths = torch.tensor([len(history) for history in batch["histories"]])
        items = torch.tensor([batch["answers"], batch["negatives"]]).T
        optimizer.zero_grad()
        loss = loss_of(model.scores(histories, lengths, items))
        loss.backward()
        losses.append(loss.item())
        gradients = gradients or recpo_tensors(name, model, lambda parameter: parameter.grad.clone())
        optimizer.step()
    weights = recpo_tensors(name, model, lambda parameter: parameter.data)
    flat = lambda tensors: {key: value.flatten().tolist() for key, value in tensors.items()}
    return {"model": name, "blocks": blocks, "losses": losses, "gradients": flat(gradients), "weights": flat(weights)}


def write_golden(options):
    draw = random.Random(7)
    batches = [golden_batch(draw) for _ in range(STEPS)]
    runs = [golden_steps(name, batches, blocks) for name, blocks in
            (("gru4rec", 1), ("caser", 1), ("sasrec", 1), ("sasrec", 2))]
    settings = {"items": ITEMS, "hidden": HIDDEN, "length": LENGTH, "lr": LR, "weight_decay": L2}
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump({"torch": torch.__version__, **settings, "batches": batches, "runs": runs}, file)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train")
    training.add_argument("--rows", required=True)
    training.add_argument("--models", default="gru4rec,caser,sasrec")
    training.add_argument("--seeds", default="1,2,3")
    training.add_argument("--threads", type=int, default=2)
    training.add_argument("--epochs", type=int, default=100)
    training.add_argument("--patience", type=int, default=10)
    training.add_argument("--batch", type=int, default=256)
    training.add_argument("--hidden", type=int, default=64)
    training.add_argument("--lr", type=float, default=1e-3)
    training.add_argument("--dropout", type=float, default=0.1)
    training.add_argument("--weight-decay", type=float, default=1e-6, dest="weight_decay")
    training.set_defaults(run=run_training)
    golden = commands.add_parser("golden")
    golden.add_argument("output")
    golden.set_defaults(run=write_golden)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
