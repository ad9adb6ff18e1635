#!/usr/bin/env python3
"""Training steps of language models: ours against PyTorch's, the same model from the same weights.

Both train in turns on one batch: embedding or one-hot, recurrent layers, read-out, cross-entropy,
clipping, SGD, the state carried over. Before anything is timed, the updates of the first steps are
compared, variable by variable. Each side counts with its better number of threads.

Prints a Markdown table; --json=FILE writes the same figures there. Exits with 1 if a check fails.
"""

import argparse
import ctypes
import dataclasses
import io
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# PyTorch 1.13 does not use AVX-512 by itself, and is faster with it. Before it is loaded.
if "avx512dq" in pathlib.Path("/proc/cpuinfo").read_text():
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")

import numpy
import torch
from torch import nn
from torch.nn import functional

CHECKED_STEPS = 3
TOLERANCE = 1e-2  # of the largest change of a variable in those steps
LEARNING_RATE = 0.01  # as in training_model.cc
PAUSE_SECONDS = 0.04  # OpenMP's and OpenBLAS's threads spin for some time after they have worked
BURST_SECONDS = 0.06
LONG_STEP_SECONDS = 0.1  # no step to warm up needed
FEWEST_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Size:
    steps: int
    batch: int
    vocabulary: int
    embedding: int  # 0: one-hot
    hidden: int
    layers: int

    def __str__(self):
        layers = f"_H{self.hidden}_L{self.layers}" if self.layers else ""
        return f"T{self.steps}_B{self.batch}_V{self.vocabulary}{layers}"

    @property
    def tokens(self):
        return self.steps * self.batch


# Without layers, the model is its logits, and only their loss is computed.
LOSS_SIZES = [Size(20, 20, 10_000, 0, 0, 0), Size(35, 20, 10_000, 0, 0, 0)]
SIZES = [
    Size(35, 32, 28, 0, 256, 1),
    Size(20, 20, 10_000, 200, 200, 2),
    Size(64, 64, 96, 64, 512, 1),
    Size(35, 20, 10_000, 650, 650, 2),
    Size(64, 8, 28, 0, 32, 1),
]


def joined(variables, prefix, gates, name):
    """The gates' variables side by side: (rows, G H), or (G H) for biases."""
    return torch.cat([variables[f"{prefix}{gate}.{name}"] for gate in gates], dim=-1)


class Fused(nn.Module):
    """All layers as nn.GRU or nn.LSTM."""

    def __init__(self, size, variables, kind, gates):
        super().__init__()
        inputs = size.embedding or size.vocabulary
        self.layers = kind(inputs, size.hidden, size.layers)
        count = 2 if kind is nn.LSTM else 1
        self.zeros = [torch.zeros(size.layers, size.batch, size.hidden) for _ in range(count)]
        with torch.no_grad():
            for layer in range(size.layers):
                for theirs, ours in [("weight_ih", "input_weights"), ("weight_hh", "recurrent_weights"),
                                     ("bias_ih", "input_bias"), ("bias_hh", "recurrent_bias")]:
                    value = joined(variables, f"rnn.{layer}.", gates, ours)
                    parameter = getattr(self.layers, f"{theirs}_l{layer}")
                    parameter.copy_(value.t() if value.dim() == 2 else value)

    def forward(self, x, state):
        outputs, final = self.layers(x, tuple(state) if len(state) > 1 else state[0])
        return outputs, list(final) if len(state) > 1 else [final]

    def updated(self, layers, gates):
        result = {}
        for layer in range(layers):
            for theirs, ours in [("weight_ih", "input_weights"), ("weight_hh", "recurrent_weights"),
                                 ("bias_ih", "input_bias"), ("bias_hh", "recurrent_bias")]:
                value = getattr(self.layers, f"{theirs}_l{layer}").detach()
                value = value.t() if value.dim() == 2 else value
                for gate, part in zip(gates, value.chunk(len(gates), dim=-1)):
                    result[f"rnn.{layer}.{gate}.{ours}"] = part
        return result


class OpsLayer(nn.Module):
    """One layer from ops, as a careful user writes it: gates side by side, inputs' products of all
    steps at once."""

    def __init__(self, variables, prefix, cell):
        super().__init__()
        self.cell = cell
        self.names = {"input_weights": cell.gates, "recurrent_weights": cell.recurrent_gates}
        if f"{prefix}{cell.gates[0]}.bias" in variables:
            self.names["bias"] = cell.gates
        else:
            self.names.update(input_bias=cell.gates, recurrent_bias=cell.recurrent_gates)
        for name, gates in self.names.items():
            self.register_parameter(name, nn.Parameter(joined(variables, prefix, gates, name)))
        for gate in cell.peepholes:
            self.names[f"peephole_{gate}"] = [gate]
            value = variables[f"{prefix}{gate}.peephole"]
            self.register_parameter(f"peephole_{gate}", nn.Parameter(value.clone()))
        if not hasattr(self, "recurrent_bias"):
            self.recurrent_bias = None

    def forward(self, x, state):
        bias = self.bias if hasattr(self, "bias") else self.input_bias
        products = (x.flatten(0, 1) @ self.input_weights + bias).view(x.shape[0], x.shape[1], -1)
        outputs = []
        for inputs in products.unbind(0):
            state = self.cell.step(self, inputs, state)
            outputs.append(state[0])
        return torch.stack(outputs), state

    def recurrent(self, h, first=0, last=None):
        """h U, + b where there are two biases, of the gates `first` up to `last`."""
        hidden = h.shape[1]
        columns = slice(first * hidden, None if last is None else last * hidden)
        product = h @ self.recurrent_weights[:, columns]
        return product if self.recurrent_bias is None else product + self.recurrent_bias[columns]

    def updated(self, prefix):
        result = {}
        for name, gates in self.names.items():
            value = getattr(self, name).detach()
            for gate, part in zip(gates, value.chunk(len(gates), dim=-1)):
                result[f"{prefix}{gate}.{name.split('_' + gate)[0]}"] = part
        return result


class Gru:
    gates = recurrent_gates = ["reset", "update", "candidate"]
    peepholes, states = [], 1

    @staticmethod
    def step(layer, inputs, state):
        (h,) = state
        inputs_r, inputs_z, inputs_c = inputs.chunk(3, 1)
        state_r, state_z, state_c = layer.recurrent(h).chunk(3, 1)
        r = torch.sigmoid(inputs_r + state_r)
        z = torch.sigmoid(inputs_z + state_z)
        c = torch.tanh(inputs_c + r * state_c)
        return [c + z * (h - c)]


class Lstm:
    gates = recurrent_gates = ["input", "forget", "candidate", "output"]
    peepholes, states = [], 2

    @staticmethod
    def step(layer, inputs, state):
        h, c = state
        i, f, g, o = (inputs + layer.recurrent(h)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(c), c]


class PeepholeLstm(Lstm):
    peepholes = ["input", "forget", "output"]

    @staticmethod
    def step(layer, inputs, state):
        h, c = state
        i, f, g, o = (inputs + layer.recurrent(h)).chunk(4, 1)
        i = torch.sigmoid(i + layer.peephole_input * c)
        f = torch.sigmoid(f + layer.peephole_forget * c)
        c = f * c + i * torch.tanh(g)
        return [torch.sigmoid(o + layer.peephole_output * c) * torch.tanh(c), c]


class MinimalGatedUnit:
    gates = recurrent_gates = ["forget", "candidate"]
    peepholes, states = [], 1

    @staticmethod
    def step(layer, inputs, state):
        (h,) = state
        inputs_f, inputs_c = inputs.chunk(2, 1)
        f = torch.sigmoid(inputs_f + layer.recurrent(h, 0, 1))
        c = torch.tanh(inputs_c + layer.recurrent(f * h, 1))
        return [h + f * (c - h)]


class Mutation1:
    gates = ["update", "reset", "candidate"]
    recurrent_gates = ["reset", "candidate"]
    peepholes, states = [], 1

    @staticmethod
    def step(layer, inputs, state):
        (h,) = state
        inputs_z, inputs_r, inputs_c = inputs.chunk(3, 1)
        z = torch.sigmoid(inputs_z)
        r = torch.sigmoid(inputs_r + layer.recurrent(h, 0, 1))
        c = torch.tanh(layer.recurrent(r * h, 1) + torch.tanh(inputs_c))
        return [h + z * (c - h)]


class FromOps(nn.Module):
    def __init__(self, size, variables, cell):
        super().__init__()
        self.layers = nn.ModuleList(OpsLayer(variables, f"rnn.{i}.", cell) for i in range(size.layers))
        self.zeros = [torch.zeros(size.batch, size.hidden) for _ in range(cell.states * size.layers)]

    def forward(self, x, state):
        final = []
        count = len(state) // len(self.layers)
        for i, layer in enumerate(self.layers):
            x, last = layer(x, state[i * count:(i + 1) * count])
            final += last
        return x, final

    def updated(self):
        return {name: value for i, layer in enumerate(self.layers)
                for name, value in layer.updated(f"rnn.{i}.").items()}


# Name of the peer: our cell, and what makes the layers.
PEERS = {
    "nn.GRU": ("gru:preset=pytorch", lambda size, v: Fused(size, v, nn.GRU, Gru.gates)),
    "GRU from ops": ("gru:preset=pytorch", lambda size, v: FromOps(size, v, Gru)),
    "nn.LSTM": ("lstm:preset=pytorch", lambda size, v: Fused(size, v, nn.LSTM, Lstm.gates)),
    "LSTM from ops": ("lstm:preset=pytorch", lambda size, v: FromOps(size, v, Lstm)),
    "peephole LSTM from ops": ("lstm:peepholes=diagonal", lambda size, v: FromOps(size, v, PeepholeLstm)),
    "MGU from ops": ("bench_mgu", lambda size, v: FromOps(size, v, MinimalGatedUnit)),
    "MUT1 from ops": ("bench_mut1", lambda size, v: FromOps(size, v, Mutation1)),
}
LOSS = "softmax and cross-entropy"


def comparisons():
    """Sizes and peers."""
    return [*itertools.product(SIZES, PEERS), *itertools.product(LOSS_SIZES, [LOSS])]


class PyTorchLoss:
    """Logits that are parameters themselves, and their loss."""

    def __init__(self, variables):
        self.targets = variables["targets"].long()
        self.logits = nn.Parameter(variables["logits"].clone())
        self.optimizer = torch.optim.SGD([self.logits], lr=LEARNING_RATE)

    def step(self):
        loss = functional.cross_entropy(self.logits, self.targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def variables(self):
        return {"logits": self.logits.detach()}


class PyTorchModel:
    def __init__(self, size, variables, make_layers):
        self.size = size
        self.inputs = variables["inputs"].long()
        self.targets = variables["targets"].long().flatten()
        self.embedding = nn.Parameter(variables["embedding.table"].clone()) if size.embedding else None
        self.layers = make_layers(size, variables)
        self.weights = nn.Parameter(variables["read_out.weights"].t().clone())
        self.bias = nn.Parameter(variables["read_out.bias"].clone())
        self.parameters = [*self.layers.parameters(), self.weights, self.bias]
        if size.embedding:
            self.parameters.append(self.embedding)
        self.optimizer = torch.optim.SGD(self.parameters, lr=LEARNING_RATE)
        self.state = self.layers.zeros

    def step(self):
        if self.size.embedding:
            x = functional.embedding(self.inputs, self.embedding)
        else:
            x = functional.one_hot(self.inputs, self.size.vocabulary).float()
        outputs, state = self.layers(x, self.state)
        self.state = [part.detach() for part in state]
        logits = functional.linear(outputs, self.weights, self.bias)
        loss = functional.cross_entropy(logits.flatten(0, 1), self.targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return loss.item()

    def variables(self):
        if isinstance(self.layers, Fused):
            gates = Lstm.gates if isinstance(self.layers.layers, nn.LSTM) else Gru.gates
            result = self.layers.updated(self.size.layers, gates)
        else:
            result = self.layers.updated()
        result["read_out.weights"] = self.weights.detach().t()
        result["read_out.bias"] = self.bias.detach()
        if self.size.embedding:
            result["embedding.table"] = self.embedding.detach()
        return result


def pytorch_side(size, peer, variables):
    return PyTorchLoss(variables) if peer == LOSS else PyTorchModel(size, variables, PEERS[peer][1])


def run_steps(side, count):
    """Seconds of one step."""
    start = time.perf_counter()
    for _ in range(count):
        side.step()
    return (time.perf_counter() - start) / count


class OurSide:
    def __init__(self, program, cell, size, threads, level):
        numbers = [size.steps, size.batch, size.vocabulary, size.embedding, size.hidden, size.layers, threads]
        self.process = subprocess.Popen([program, cell, *map(str, numbers), level], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.memory = {}

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the process ended"}
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']}")
        return answer

    def steps(self, count):
        answer = self.ask(f"steps {count}")
        self.memory = {name: answer[name] for name in ("peak_bytes", "allocated_bytes", "resident_bytes")}
        return answer["seconds"]

    def variables(self):
        with tempfile.TemporaryDirectory() as folder:
            shapes = self.ask(f"save {folder}")["shapes"]
            result = {}
            for name, shape in shapes.items():
                dtype = numpy.int32 if name in ("inputs", "targets") else numpy.float32
                values = numpy.fromfile(pathlib.Path(folder, name), dtype)
                result[name] = torch.from_numpy(values.reshape(shape))
            return result

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def blas_threads_setter():
    """PyTorch's own number of threads leaves out those of OpenBLAS, its products. None without."""
    return getattr(ctypes.CDLL("libblas.so.3"), "openblas_set_num_threads", None)


def check(ours, theirs, before):
    """Fails unless both sides changed every variable alike."""
    ours.steps(CHECKED_STEPS)
    run_steps(theirs, CHECKED_STEPS)
    after, peers = ours.variables(), theirs.variables()
    different = set(peers) ^ (set(after) - {"inputs", "targets"})
    if different:
        raise RuntimeError(f"variables differ: {sorted(different)}")
    for name, value in peers.items():
        change, peers_change = after[name] - before[name], value - before[name]
        largest = peers_change.abs().max().item()
        worst = (change - peers_change).abs().max().item()
        # A change is known to the last digit of the variable it was made to.
        rounding = 1e-6 * before[name].abs().max().item()
        if not worst <= TOLERANCE * largest + rounding:
            raise RuntimeError(f"{name}: changes differ by {worst}, the largest is {largest}")


def measure(variants, seconds):
    """Rounds of seconds a step of each variant, a dictionary of functions steps(count)."""
    counts = {}
    for name, steps in variants.items():
        steps(1)
        counts[name] = max(1, round(BURST_SECONDS / steps(2)))
    rounds = {name: [] for name in variants}
    names = list(variants)
    start = time.perf_counter()
    count = 0
    while count < FEWEST_ROUNDS or time.perf_counter() - start < seconds:
        for name in names[count % len(names):] + names[:count % len(names)]:
            time.sleep(PAUSE_SECONDS)
            if not rounds[name] or rounds[name][-1] < LONG_STEP_SECONDS:
                variants[name](1)
            rounds[name].append(variants[name](counts[name]))
        count += 1
    return rounds


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"low": low, "median": middle, "high": high}


def resident_bytes():
    """The most memory that this process has had in use so far."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def print_peak_of_peer(size, peer):
    """What training takes beside PyTorch itself; for a process of its own, with the variables on its input."""
    variables = torch.load(io.BytesIO(sys.stdin.buffer.read()))
    # What the first product of any size takes is the library's, not the model's.
    torch.rand(64, 64) @ torch.rand(64, 64)
    before = resident_bytes()
    run_steps(pytorch_side(size, peer, variables), CHECKED_STEPS)
    print(resident_bytes() - before)


def peak_of_peer(size, peer, variables):
    saved = io.BytesIO()
    torch.save(variables, saved)
    answer = subprocess.run([sys.executable, __file__, "--peak", f"pytorch/{peer}/{size}"],
                            input=saved.getvalue(), stdout=subprocess.PIPE, check=True)
    return int(answer.stdout)


def compare(arguments, size, peer):
    cell = "none" if peer == LOSS else PEERS[peer][0]
    threads = range(1, arguments.threads + 1)
    ours = {n: OurSide(arguments.program, cell, size, n, arguments.level) for n in threads}
    try:
        before = ours[1].variables()
        torch.set_num_threads(arguments.threads)
        theirs = pytorch_side(size, peer, before)
        check(ours[1], theirs, before)

        set_blas_threads = blas_threads_setter()

        def with_threads(own, blas):
            def steps(number):
                torch.set_num_threads(own)
                if set_blas_threads:
                    set_blas_threads(blas)
                return run_steps(theirs, number)
            return steps

        variants = {("ours", n): side.steps for n, side in ours.items()}
        for own, blas in itertools.product(threads, threads if set_blas_threads else [1]):
            variants["peer", f"{own}, BLAS {blas}"] = with_threads(own, blas)
        rounds = measure(variants, arguments.seconds)
        best = {}
        for side in ("ours", "peer"):
            settings = [setting for name, setting in variants if name == side]
            best[side] = min(settings, key=lambda setting: statistics.median(rounds[side, setting]))
        pairs = zip(rounds["ours", best["ours"]], rounds["peer", best["peer"]])
        row = {"name": f"pytorch/{peer}/{size}", "cell": cell, "ratio": quartiles([b / a for a, b in pairs])}
        for side in ("ours", "peer"):
            row[side] = {"threads": best[side], "tokens_per_second": quartiles(
                [size.tokens / s for s in rounds[side, best[side]]])}
        row["ours"].update(ours[best["ours"]].memory)
        row["peer"]["resident_bytes"] = peak_of_peer(size, peer, before)
        return row
    finally:
        for side in ours.values():
            side.close()


def markdown(row):
    if "error" in row:
        return f"| {row['name']} | failed: {row['error']} | | | | |"
    def side(name):
        rate = row[name]["tokens_per_second"]
        return f"{rate['median']:,.0f} (threads {row[name]['threads']})"
    ratio = row["ratio"]
    spread = f"{ratio['low']:.2f}-{ratio['high']:.2f}"
    told = "cannot tell" if ratio["low"] <= 1 <= ratio["high"] else f"{ratio['median']:.2f}"
    memory = f"{row['ours']['resident_bytes'] / 1e6:.1f} / {row['peer']['resident_bytes'] / 1e6:.1f} MB"
    return f"| {row['name']} | {side('ours')} | {side('peer')} | {told} | {spread} | {memory} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--program", default=str(here.parent / "build/bin/training_steps"))
    parser.add_argument("--level", default="full", help="of our plan: debug, simple or full")
    parser.add_argument("--filter", default="", help="only comparisons whose name has this in it")
    parser.add_argument("--seconds", type=float, default=2, help="for each comparison, about")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="most threads tried")
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--peak", help=argparse.SUPPRESS)  # a comparison; see print_peak_of_peer
    parser.add_argument("--list", action="store_true", help="names the comparisons and ends")
    arguments = parser.parse_args()

    if not blas_threads_setter():
        print("warning: PyTorch's products are not OpenBLAS's, which are ten times as fast: "
              "bench/packages.txt has the package", file=sys.stderr)
    if arguments.peak:
        size, peer = next((size, peer) for size, peer in comparisons()
                          if arguments.peak == f"pytorch/{peer}/{size}")
        print_peak_of_peer(size, peer)
        return 0
    rows = []
    names = [(size, peer) for size, peer in comparisons()
             if arguments.filter in f"pytorch/{peer}/{size}"]
    if arguments.list:
        print("\n".join(f"pytorch/{peer}/{size}" for size, peer in names))
        return 0
    print("| comparison | ours, tokens/s | PyTorch, tokens/s | ratio | quartiles | peak memory |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for size, peer in names:
        try:
            row = compare(arguments, size, peer)
        except RuntimeError as error:
            row = {"name": f"pytorch/{peer}/{size}", "error": str(error)}
        rows.append(row)
        print(markdown(row), flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"torch": torch.__version__, "rows": rows}, indent=1))
    return 1 if not rows or any("error" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
