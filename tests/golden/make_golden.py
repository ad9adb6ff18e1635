#!/usr/bin/python3
"""Writes the golden files: what PyTorch computes for the gate conventions that Sluice implements.

    /usr/bin/python3 tests/golden/make_golden.py [--out DIR]

One text file a case, all numbers in float64, the same bytes on every run. A file is `# comment` lines, then one record a line

    name rank size... : v0 v1 ...

row-major, `%.17g`, so that every value is read back exactly. Ids, lengths and masks are written the same way.

Four kinds of case:

1. `<cell>_<layers>layer_<one|two>way` and `masked_gru`: from torch.nn. Each is computed a second time from the numbers *by our
   names*, with the cells written out below, and must agree to 1e-12 in values and in gradients. That proves both the names (gate
   order, transposes, direction, two biases) and the written-out cells.
2. Conventions that torch.nn does not have (`gru_reset_before`, ...): from the cells written out below, gradients by torch.autograd.
   They are tied to the proven ones through identities (`check_conventions`).
3. `cells_<family>`: the gate designs, many in a file, small. A record's name starts with the cell as Sluice names it.
4. `language_model_<cell>_<optimizer>` and `optimizers`: whole training steps with torch.optim.

Weights are stored (inputs, outputs), the transpose of PyTorch's, so y = x W. A path is `rnn/<layer>/<direction>/<gate>/<what>`.
Letters: T steps, B batch, I inputs, H hidden, V vocabulary, E embedding.
"""

import argparse
import functools
import math
import os
import pathlib
import zlib

os.environ.setdefault("ATEN_CPU_CAPABILITY", "default")  # the same element-wise kernels on every processor

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)

T, B, I, H = FULL_SIZES = 5, 3, 4, 5
V, E = 11, 4
DIRECTIONS = ("forward", "backward")
FILE_LIMIT = 150_000  # bytes
TOTAL_LIMIT = 1_000_000
TOLERANCE = 1e-12

TWO_BIASES = ("input_weights", "recurrent_weights", "input_bias", "recurrent_bias")
ONE_BIAS = ("input_weights", "recurrent_weights", "bias")
PEEPHOLES = ONE_BIAS + ("peephole",)

ELMAN_GATES = ("state",)
GRU_GATES = ("reset", "update", "candidate")  # in PyTorch's order of rows
LSTM_GATES = ("input", "forget", "candidate", "output")  # likewise
COUPLED_GATES = ("input", "candidate", "output")


# ---------------------------------------------------------------------------------------------------------------------------
# Random numbers and files


class Source:
    """Random tensors of one case. Its seed is the case's name, so adding a case changes no other file."""

    def __init__(self, case):
        self.generator = torch.Generator().manual_seed(zlib.crc32(case.encode()))

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.generator)

    def uniform(self, bound, *shape):
        return (2 * torch.rand(*shape, generator=self.generator) - 1) * bound

    def weights(self, *shape):
        return self.uniform(0.6, *shape)

    def ids(self, *shape):
        return torch.randint(V, shape, generator=self.generator)


def write_file(folder, case, comments, records):
    """Writes `records`, a dict from name to tensor, as `<case>.txt`; returns the number of bytes."""
    lines = [f"# {case}", f"# Made by tests/golden/make_golden.py with PyTorch {torch.__version__}; do not edit."]
    lines += [f"# {comment}" for comment in comments]
    for name, tensor in records.items():
        assert " " not in name and torch.isfinite(tensor.double()).all(), name
        head = [name, str(tensor.dim())] + [str(size) for size in tensor.shape]
        values = ["%.17g" % value for value in tensor.detach().double().contiguous().flatten().tolist()]
        lines.append(" ".join(head + [":"] + values))
    text = "\n".join(lines) + "\n"
    assert len(text) <= FILE_LIMIT, (case, len(text))
    (folder / f"{case}.txt").write_text(text, encoding="ascii", newline="\n")
    return len(text)


def check_same(case, expected, actual):
    """Both dicts hold the same names, shapes and, to TOLERANCE, numbers."""
    assert expected.keys() == actual.keys(), (case, expected.keys() ^ actual.keys())
    for name in expected:
        assert expected[name].shape == actual[name].shape, (case, name)
        error = (expected[name] - actual[name]).abs().max().item()
        assert error <= TOLERANCE, f"{case}: {name} differs by {error}"


# ---------------------------------------------------------------------------------------------------------------------------
# Cells, written out. A cell is one step: (w, x, state) -> (state, gates), where `w` maps "<gate>/<what>" to a tensor, `state` is
# (h,) or (h, c), and `gates` are the values inside, for `check_gates`.


def bias_of(w, gate):
    """The one bias of a gate, or the sum of its two."""
    if f"{gate}/bias" in w:
        return w[f"{gate}/bias"]
    return w[f"{gate}/input_bias"] + w[f"{gate}/recurrent_bias"]


def affine(w, gate, x, h):
    """W x + U h + b"""
    return x @ w[f"{gate}/input_weights"] + h @ w[f"{gate}/recurrent_weights"] + bias_of(w, gate)


def elman_tanh(w, x, state):
    h = torch.tanh(affine(w, "state", x, state[0]))
    return (h,), {"state": h}


def elman_relu(w, x, state):
    before = affine(w, "state", x, state[0])
    return (torch.relu(before),), {"kink": before}


def gru_gates(w, x, h):
    return torch.sigmoid(affine(w, "reset", x, h)), torch.sigmoid(affine(w, "update", x, h))


def gru_reset_after(w, x, state):
    """PyTorch's: c = tanh(W x + b_input + r * (U h + b_recurrent)), h' = (1 - z) * c + z * h."""
    (h,) = state
    r, z = gru_gates(w, x, h)
    from_input = x @ w["candidate/input_weights"] + w["candidate/input_bias"]
    from_state = h @ w["candidate/recurrent_weights"] + w["candidate/recurrent_bias"]
    c = torch.tanh(from_input + r * from_state)
    return ((1 - z) * c + z * h,), {"reset": r, "update": z, "candidate": c}


def gru_reset_after_one_bias(w, x, state):
    """c = tanh(W x + b + r * (U h)), h' = (1 - z) * c + z * h."""
    (h,) = state
    r, z = gru_gates(w, x, h)
    c = torch.tanh(x @ w["candidate/input_weights"] + w["candidate/bias"] + r * (h @ w["candidate/recurrent_weights"]))
    return ((1 - z) * c + z * h,), {"reset": r, "update": z, "candidate": c}


def gru_reset_before(w, x, state):
    """c = tanh(W x + U (r * h) + b), h' = (1 - z) * c + z * h."""
    (h,) = state
    r, z = gru_gates(w, x, h)
    c = torch.tanh(affine(w, "candidate", x, r * h))
    return ((1 - z) * c + z * h,), {"reset": r, "update": z, "candidate": c}


def gru_update_new(w, x, state):
    """c = tanh(W x + U (r * h) + b), h' = (1 - z) * h + z * c."""
    (h,) = state
    r, z = gru_gates(w, x, h)
    c = torch.tanh(affine(w, "candidate", x, r * h))
    return ((1 - z) * h + z * c,), {"reset": r, "update": z, "candidate": c}


def lstm(w, x, state):
    """c' = f * c + i * g, h' = o * tanh(c'); one bias or two."""
    h, c = state
    i = torch.sigmoid(affine(w, "input", x, h))
    f = torch.sigmoid(affine(w, "forget", x, h))
    g = torch.tanh(affine(w, "candidate", x, h))
    o = torch.sigmoid(affine(w, "output", x, h))
    c = f * c + i * g
    return (o * torch.tanh(c), c), {"input": i, "forget": f, "candidate": g, "output": o}


def lstm_peepholes(w, x, state):
    """As `lstm`, where i and f also see p * c of the step before, and o sees p * c' of this step."""
    h, c = state
    i = torch.sigmoid(affine(w, "input", x, h) + w["input/peephole"] * c)
    f = torch.sigmoid(affine(w, "forget", x, h) + w["forget/peephole"] * c)
    g = torch.tanh(affine(w, "candidate", x, h))
    c = f * c + i * g
    o = torch.sigmoid(affine(w, "output", x, h) + w["output/peephole"] * c)
    return (o * torch.tanh(c), c), {"input": i, "forget": f, "candidate": g, "output": o}


def lstm_coupled(w, x, state):
    """As `lstm` with f = 1 - i."""
    h, c = state
    i = torch.sigmoid(affine(w, "input", x, h))
    g = torch.tanh(affine(w, "candidate", x, h))
    o = torch.sigmoid(affine(w, "output", x, h))
    c = (1 - i) * c + i * g
    return (o * torch.tanh(c), c), {"input": i, "candidate": g, "output": o}


# ---------------------------------------------------------------------------------------------------------------------------
# Running written-out cells


def run_stack(cell, weights, x, initial, layers=1, directions=1, mask=None):
    """Runs a stack of written-out cells.

    weights: by full path; x: (T, B, inputs); initial: (h0,) or (h0, c0), each (layers * directions, B, H);
    mask: (T, B) of 0 and 1 or None; where it is 0 the state stays and the output is 0.
    Returns outputs (T, B, H * directions), the final states (shaped as `initial`) and the gates seen, by name.
    """
    finals, seen = [], {}
    for layer in range(layers):
        features = []
        for direction in range(directions):
            prefix = f"rnn/{layer}/{DIRECTIONS[direction]}/"
            w = {path[len(prefix):]: value for path, value in weights.items() if path.startswith(prefix)}
            state = tuple(part[layer * directions + direction] for part in initial)
            outputs = [None] * len(x)
            for t in reversed(range(len(x))) if direction == 1 else range(len(x)):
                new, gates = cell(w, x[t], state)
                keep = torch.ones(x.shape[1], 1) if mask is None else mask[t].unsqueeze(1)
                state = tuple(keep * b + (1 - keep) * a for a, b in zip(state, new)) if state else new
                outputs[t] = keep * state[0]
                for gate, value in gates.items():
                    seen.setdefault(gate, []).append(value.detach())
            features.append(torch.stack(outputs))
            finals.append(state)
        x = torch.cat(features, dim=2)
    return x, tuple(torch.stack(parts) for parts in zip(*finals)), {gate: torch.cat(v) for gate, v in seen.items()}


def check_gates(case, seen):
    """No gate is saturated, stuck at one value, or so close to a kink that rounding decides."""
    for gate, value in seen.items():
        if gate.startswith("kink"):
            assert value.abs().min() > 1e-3, (case, value.abs().min())
            assert 0.1 < (value > 0).double().mean() < 0.9, (case, (value > 0).double().mean())
        else:
            low = -0.999 if gate in ("state", "candidate") else 0.01
            high = 0.999 if gate in ("state", "candidate") else 0.99
            assert low < value.min() and value.max() < high, (case, gate, value.min(), value.max())
            assert value.std() > 0.08, (case, gate, value.std())


# ---------------------------------------------------------------------------------------------------------------------------
# Sequence cases


def gradient_of(value):
    """Zeros where the loss does not see `value`."""
    return torch.zeros_like(value) if value.grad is None else value.grad


class SequenceCase:
    """Inputs, initial states and cotangents of one case, and the records they lead to."""

    def __init__(self, source, layers, directions, states, lengths=None, sizes=FULL_SIZES):
        T, B, I, H = sizes
        shape = (layers * directions, B, H)
        self.layers, self.directions, self.states, self.lengths = layers, directions, states, lengths
        self.x = source.normal(T, B, I)
        self.initial = tuple(source.uniform(0.8, *shape) for _ in states)
        self.output_weights = source.normal(T, B, H * directions)
        self.final_weights = tuple(source.normal(*shape) for _ in states)
        self.mask = None
        if lengths is not None:
            self.mask = torch.tensor([[float(t < length) for length in lengths] for t in range(T)])
            self.output_weights *= self.mask.unsqueeze(2)

    def givens(self):
        records = {"x": self.x}
        records.update({f"{s}0": value for s, value in zip(self.states, self.initial)})
        if self.lengths is not None:
            records["lengths"] = torch.tensor(self.lengths)
            records["mask"] = self.mask
        records["output_weights"] = self.output_weights
        records.update({f"{s}_n_weights": value for s, value in zip(self.states, self.final_weights)})
        return records

    def results(self, run):
        """The records that follow from `run(x, initial) -> (outputs, finals, weight_gradients)`.

        `weight_gradients` is called after the backward pass and returns a dict from path to gradient.
        """
        x = self.x.clone().requires_grad_()
        initial = tuple(value.clone().requires_grad_() for value in self.initial)
        outputs, finals, weight_gradients = run(x, initial)
        loss = (outputs * self.output_weights).sum()
        for final, final_weights in zip(finals, self.final_weights):
            loss = loss + (final * final_weights).sum()
        loss.backward()
        records = {"outputs" if self.lengths is None else "outputs_zero_padded": outputs.detach()}
        records.update({f"{s}_n": value.detach() for s, value in zip(self.states, finals)})
        records["loss"] = loss.detach()
        records.update({f"gradient/{path}": value for path, value in weight_gradients().items()})
        records["gradient/x"] = x.grad
        records.update({f"gradient/{s}0": gradient_of(value) for s, value in zip(self.states, initial)})
        return records

    def written_out(self, cell, weights):
        """Results from a written-out cell, and the gates seen."""
        weights = {path: value.detach().clone().requires_grad_() for path, value in weights.items()}
        seen = {}

        def run(x, initial):
            outputs, finals, gates = run_stack(cell, weights, x, initial, self.layers, self.directions, self.mask)
            seen.update(gates)
            return outputs, finals, lambda: {path: gradient_of(value) for path, value in weights.items()}

        return self.results(run), seen

    def from_torch(self, module, gates):
        """Results from torch.nn.RNN, GRU or LSTM."""

        def run(x, initial):
            state = initial[0] if len(initial) == 1 else initial
            if self.lengths is None:
                outputs, finals = module(x, state)
            else:
                packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(self.lengths), enforce_sorted=True)
                outputs, finals = module(packed, state)
                outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, total_length=T)
            finals = (finals,) if len(initial) == 1 else finals
            return outputs, finals, lambda: by_our_names(module, gates, lambda parameter: parameter.grad)

        return self.results(run)


TORCH_CELLS = {
    # name: (make(inputs, layers, bidirectional), gates in PyTorch's order, states, the written-out twin)
    "elman_tanh": (lambda *sizes: torch.nn.RNN(sizes[0], H, sizes[1], nonlinearity="tanh", bidirectional=sizes[2]),
                   ELMAN_GATES, "h", elman_tanh),
    "elman_relu": (lambda *sizes: torch.nn.RNN(sizes[0], H, sizes[1], nonlinearity="relu", bidirectional=sizes[2]),
                   ELMAN_GATES, "h", elman_relu),
    "gru": (lambda *sizes: torch.nn.GRU(sizes[0], H, sizes[1], bidirectional=sizes[2]), GRU_GATES, "h", gru_reset_after),
    "lstm": (lambda *sizes: torch.nn.LSTM(sizes[0], H, sizes[1], bidirectional=sizes[2]), LSTM_GATES, "hc", lstm),
}

# The conventions that torch.nn lacks: (gates, what of each gate, states, cell). One layer, one way.
WRITTEN_OUT_CELLS = {
    "gru_reset_before": (GRU_GATES, ONE_BIAS, "h", gru_reset_before),
    "gru_update_new": (GRU_GATES, ONE_BIAS, "h", gru_update_new),
    "gru_reset_after_one_bias": (GRU_GATES, ONE_BIAS, "h", gru_reset_after_one_bias),
    "lstm_one_bias": (LSTM_GATES, ONE_BIAS, "hc", lstm),
    "lstm_peepholes": (LSTM_GATES, PEEPHOLES, "hc", lstm_peepholes),
    "lstm_coupled": (COUPLED_GATES, ONE_BIAS, "hc", lstm_coupled),
}


def make_module(source, cell, inputs=I, layers=1, directions=1):
    """The torch.nn module of a cell, with our random weights."""
    module = TORCH_CELLS[cell][0](inputs, layers, directions == 2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(source.weights(*parameter.shape))
    return module


def by_our_names(module, gates, value_of=lambda parameter: parameter):
    """A dict from our path to the part of `value_of(parameter)` it means, transposed for matrices.

    PyTorch stacks the gates of one matrix as rows: weight_ih_l0 is (gates * H, I).
    """
    torch_names = dict(zip(TWO_BIASES, ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))
    records = {}
    for layer in range(module.num_layers):
        for direction in range(2 if module.bidirectional else 1):
            suffix = f"_l{layer}" + ("_reverse" if direction == 1 else "")
            for row, gate in enumerate(gates):
                for what, torch_name in torch_names.items():
                    part = value_of(getattr(module, torch_name + suffix))[row * H:(row + 1) * H]
                    path = f"rnn/{layer}/{DIRECTIONS[direction]}/{gate}/{what}"
                    records[path] = (part.t() if part.dim() == 2 else part).detach().clone()
    return records


def random_weights(source, gates, whats):
    """Weights of one layer, one way, by path. The candidate of a peephole LSTM has no peephole."""
    shapes = {"input_weights": (I, H), "recurrent_weights": (H, H)}
    return {
        f"rnn/0/forward/{gate}/{what}": source.weights(*shapes.get(what, (H,)))
        for gate in gates
        for what in whats
        if (gate, what) != ("candidate", "peephole")
    }


def torch_case(case, cell, layers, directions, lengths=None):
    """Records of a torch.nn case, checked against the written-out cell."""
    _, gates, states, twin = TORCH_CELLS[cell]
    source = Source(case)
    module = make_module(source, cell, I, layers, directions)
    sequence = SequenceCase(source, layers, directions, states, lengths)
    weights = by_our_names(module, gates)
    results = sequence.from_torch(module, gates)
    again, seen = sequence.written_out(twin, weights)
    check_same(case, results, again)
    check_gates(case, seen)
    return {**sequence.givens(), **weights, **results}


def written_out_case(case):
    gates, whats, states, cell = WRITTEN_OUT_CELLS[case]
    source = Source(case)
    weights = random_weights(source, gates, whats)
    sequence = SequenceCase(source, 1, 1, states)
    results, seen = sequence.written_out(cell, weights)
    check_gates(case, seen)
    return {**sequence.givens(), **weights, **results}


def check_conventions():
    """Ties every written-out convention to one that torch.nn has proven, through an identity between the two."""
    source = Source("check_conventions")

    def results_of(cell, weights, sequence):
        records, _ = sequence.written_out(cell, weights)
        return {name: value for name, value in records.items() if not name.startswith("gradient/rnn/")}

    def split_biases(weights):  # the one bias as input bias, the recurrent bias zero
        split = {path.replace("/bias", "/input_bias"): value for path, value in weights.items()}
        split.update({p.replace("/bias", "/recurrent_bias"): torch.zeros(H) for p in weights if p.endswith("/bias")})
        return split

    def negated(weights, gate):
        return {path: -value if f"/{gate}/" in path else value for path, value in weights.items()}

    # One bias is two biases of which one is zero.
    gru_case, gru_weights = SequenceCase(source, 1, 1, "h"), random_weights(source, GRU_GATES, ONE_BIAS)
    check_same("gru_reset_after_one_bias", results_of(gru_reset_after, split_biases(gru_weights), gru_case),
               results_of(gru_reset_after_one_bias, gru_weights, gru_case))
    lstm_case, lstm_weights = SequenceCase(source, 1, 1, "hc"), random_weights(source, LSTM_GATES, ONE_BIAS)
    check_same("lstm_one_bias", results_of(lstm, split_biases(lstm_weights), lstm_case),
               results_of(lstm, lstm_weights, lstm_case))

    # Reset before and reset after agree where U is diagonal, and only there.
    u = "rnn/0/forward/candidate/recurrent_weights"
    diagonal = {**gru_weights, u: torch.diag(torch.diag(gru_weights[u]))}
    check_same("gru_reset_before", results_of(gru_reset_after_one_bias, diagonal, gru_case),
               results_of(gru_reset_before, diagonal, gru_case))
    assert (results_of(gru_reset_after_one_bias, gru_weights, gru_case)["outputs"]
            - results_of(gru_reset_before, gru_weights, gru_case)["outputs"]).abs().max() > 1e-3

    # Turning the update gate over is a change of sign of its weights: sigmoid(-a) = 1 - sigmoid(a). So is coupling.
    check_same("gru_update_new", results_of(gru_reset_before, negated(gru_weights, "update"), gru_case),
               results_of(gru_update_new, gru_weights, gru_case))
    coupled = {path: value for path, value in lstm_weights.items() if "/forget/" not in path}
    forget = {path.replace("/input/", "/forget/"): -value for path, value in coupled.items() if "/input/" in path}
    check_same("lstm_coupled", results_of(lstm, {**coupled, **forget}, lstm_case),
               results_of(lstm_coupled, coupled, lstm_case))

    # Over one step of one sequence, a peephole is a bias of p * c: of c0 for i and f, of the new c for o.
    x, h, c = source.normal(1, I), source.uniform(0.8, 1, H), source.uniform(0.8, 1, H)
    prefix = "rnn/0/forward/"
    w = {path[len(prefix):]: value for path, value in random_weights(source, LSTM_GATES, PEEPHOLES).items()}
    (new_h, new_c), _ = lstm_peepholes(w, x, (h, c))
    folded = dict(w)
    for gate, seen_state in (("input", c), ("forget", c), ("output", new_c)):
        folded[f"{gate}/bias"] = w[f"{gate}/bias"] + w[f"{gate}/peephole"] * seen_state[0]
    (expected_h, expected_c), _ = lstm(folded, x, (h, c))
    check_same("lstm_peepholes", {"h": expected_h, "c": expected_c}, {"h": new_h, "c": new_c})


# ---------------------------------------------------------------------------------------------------------------------------
# Gate designs, from their papers' equations. A step is (w, x, state) -> (state, gates), as above; its docstring is the formula.
# What a `dense` sum is made of is up to the weights that the table at the end gives it.

SMALL_SIZES = 3, 2, 3, 4
KINDS = {  # letter in the table: (name, sizes), n units of a gate that sees m values of the state
    "W": ("input_weights", "In"), "V": ("previous_input_weights", "In"), "U": ("recurrent_weights", "mn"),
    "b": ("bias", "n"), "p": ("peephole", "n"), "v": ("recurrent_vector", "n"),
    "a": ("input_gain", "n"), "c": ("recurrent_gain", "n"), "g": ("gain", "n"), "t": ("shift", "n"),
    "B": ("bias", "n"),  # drawn from a wide range
}


def dense(w, gate, x=None, h=None):
    """W x + U h + b, of what the gate has."""
    parts = []
    if f"{gate}/input_weights" in w:
        parts.append(x @ w[f"{gate}/input_weights"])
    if f"{gate}/recurrent_weights" in w:
        parts.append(h @ w[f"{gate}/recurrent_weights"])
    if f"{gate}/head_0/recurrent_weights" in w:
        heads = [value for path, value in sorted(w.items()) if path.startswith(f"{gate}/head_")]
        parts.append(h @ torch.block_diag(*heads))
    if f"{gate}/bias" in w:
        parts.append(w[f"{gate}/bias"])
    return sum(parts)


def norm(value, gain, shift=None):
    return torch.nn.functional.layer_norm(value, value.shape[-1:], gain, shift, eps=1e-5)


def normed(w, gate, x, h):
    """N(W x) + N(U h) + b"""
    return (norm(x @ w[f"{gate}/input_weights"], w[f"{gate}/input_gain"])
            + norm(h @ w[f"{gate}/recurrent_weights"], w[f"{gate}/recurrent_gain"]) + w[f"{gate}/bias"])


def gates_of(w, names, x, h=None, total=dense):
    return [torch.sigmoid(total(w, name, x, h)) for name in names.split()]


def irnn(w, x, state):
    """h' = relu(W x + U h + b)"""
    return elman_relu(w, x, state)


def indrnn(w, x, state):
    """h' = relu(W x + u * h + b)"""
    before = dense(w, "state", x) + w["state/recurrent_vector"] * state[0]
    return (torch.relu(before),), {"kink": before}


def lstm97(w, x, state):
    """i, o = s(W x + U h + b), z = tanh(W x + U h + b), c' = c + i * z, h' = o * tanh(c')"""
    h, c = state
    i, o = gates_of(w, "input output", x, h)
    c = c + i * torch.tanh(dense(w, "candidate", x, h))
    return (o * torch.tanh(c), c), {"input": i, "output": o}


def lstm97_paper(w, x, state):
    """As lstm97, where cells j and j + H / 2 share i and o, all sums see i and o of the step before, z = 4 s(.) - 2,
    h' = o * (2 s(c') - 1), and no gradient passes through h, i and o of the step before"""
    h, c, i, o = state
    h, i, o = h.detach(), i[:, :h.shape[1] // 2].detach(), o[:, :h.shape[1] // 2].detach()

    def total(w, gate, x, h):
        return dense(w, gate, x, h) + dense(w, f"{gate}/from/input", h=i) + dense(w, f"{gate}/from/output", h=o)

    z = 4 * torch.sigmoid(total(w, "candidate", x, h)) - 2
    i, o = (torch.cat((gate, gate), 1) for gate in gates_of(w, "input output", x, h, total))
    c = c + i * z
    return (o * (2 * torch.sigmoid(c) - 1), c, i, o), {"input": i, "output": o}


def identity(value):
    return value


def greff(w, x, state, forget="own", g=torch.tanh, k=torch.tanh):
    """i, f = s(W x + U h + p * c + b), c' = f * c + i * g(W x + U h + b), o = s(W x + U h + p * c' + b), h' = o * k(c')"""
    h, c, *gates = state
    seen = {}

    def opened(name, c):
        if f"{name}/bias" not in w:
            return torch.ones_like(c)
        total = dense(w, name, x, h) + (w[f"{name}/peephole"] * c if f"{name}/peephole" in w else 0)
        for other, gate in zip(("input", "forget", "output"), gates):
            total = total + dense(w, f"{name}/from/{other}", h=gate)
        seen[name] = torch.sigmoid(total)
        return seen[name]

    i = opened("input", c)
    f = 1 - i if forget == "coupled" else opened("forget", c)
    if forget == "capped":
        seen["kink"] = i - (1 - f)
        i = torch.minimum(i, 1 - f)
    c = f * c + i * g(dense(w, "candidate", x, h))
    o = opened("output", c)
    return (o * k(c), c, i, f, o)[:len(state)], seen


def mut1(w, x, state):
    """z = s(W x + b), r = s(W x + U h + b), h' = tanh(U (r * h) + tanh(W x) + b) * z + h * (1 - z)"""
    (h,) = state
    z, r = gates_of(w, "update reset", x, h)
    c = torch.tanh(dense(w, "candidate", h=r * h) + torch.tanh(dense(w, "projection", x)))
    return (c * z + h * (1 - z),), {"update": z, "reset": r, "candidate": c}


def mut2(w, x, state):
    """z, r = s(W x + U h + b), h' = tanh(U (r * h) + W x + b) * z + h * (1 - z)"""
    (h,) = state
    z, r = gates_of(w, "update reset", x, h)
    c = torch.tanh(dense(w, "candidate", x, r * h))
    return (c * z + h * (1 - z),), {"update": z, "reset": r, "candidate": c}


def mut3(w, x, state):
    """z = s(W x + U tanh(h) + b), r = s(W x + U h + b), h' = tanh(U (r * h) + W x + b) * z + h * (1 - z)"""
    (h,) = state
    z = torch.sigmoid(dense(w, "update", x, torch.tanh(h)))
    r = torch.sigmoid(dense(w, "reset", x, h))
    c = torch.tanh(dense(w, "candidate", x, r * h))
    return (c * z + h * (1 - z),), {"update": z, "reset": r, "candidate": c}


def mgu(w, x, state):
    """f = s(W x + U h + b) of what its gate has, h' = (1 - f) * h + f * tanh(W x + U (f * h) + b)"""
    (h,) = state
    (f,) = gates_of(w, "forget", x, h)
    c = torch.tanh(dense(w, "candidate", x, f * h))
    return ((1 - f) * h + f * c,), {"forget": f, "candidate": c}


def gru(w, x, state, total=dense):
    """r, z = s(W x + U h + b) of what its gates have, h' = z * h + (1 - z) * tanh(W x + U (r * h) + b)"""
    (h,) = state
    r, z = gates_of(w, "reset update", x, h, total)
    c = torch.tanh(total(w, "candidate", x, r * h))
    return (z * h + (1 - z) * c,), {"reset": r, "update": z, "candidate": c}


def hard_gru(w, x, state):
    """As gru, where s(a) = 0.2 a + 0.5 within 0 and 1"""
    (h,) = state
    sums = [dense(w, name, x, h) for name in ("reset", "update")]
    r, z = (torch.clamp(0.2 * total + 0.5, 0, 1) for total in sums)
    c = torch.tanh(dense(w, "candidate", x, r * h))
    kinks = {f"kink {side}": torch.cat(sums) + side for side in (-2.5, 2.5)}
    return (z * h + (1 - z) * c,), {"candidate": c, **kinks}


def lngru_after(w, x, state):
    """As lngru, where c = tanh(N(W x) + r * N(U h) + b)"""
    (h,) = state
    r, z = gates_of(w, "reset update", x, h, normed)
    c = torch.tanh(norm(x @ w["candidate/input_weights"], w["candidate/input_gain"]) + w["candidate/bias"]
                   + r * norm(h @ w["candidate/recurrent_weights"], w["candidate/recurrent_gain"]))
    return (z * h + (1 - z) * c,), {"reset": r, "update": z, "candidate": c}


def ugrnn(w, x, state):
    """c = tanh(W x + U h + b), g = s(W x + U h + b), h' = g * h + (1 - g) * c"""
    (h,) = state
    c = torch.tanh(dense(w, "candidate", x, h))
    (g,) = gates_of(w, "gate", x, h)
    return (g * h + (1 - g) * c,), {"gate": g, "candidate": c}


def intersection(w, x, state):
    """y = relu(W x + U s + b), c = tanh(W x + U s + b), up, g = s(W x + U s + b), h' = up * x + (1 - up) * y,
    s' = g * s + (1 - g) * c; a projection of x stands for x where I is not H"""
    _, s = state
    before, c = dense(w, "output", x, s), torch.tanh(dense(w, "candidate", x, s))
    up, g = gates_of(w, "up gate", x, s)
    through = dense(w, "projection", x) if "projection/input_weights" in w else x
    return (up * through + (1 - up) * torch.relu(before), g * s + (1 - g) * c), {"up": up, "gate": g, "kink": before}


def janet(w, x, state, beta=1):
    """a = W x + U h + b, h' = s(a) * h + (1 - s(a - beta)) * tanh(W x + U h + b)"""
    (h,) = state
    a, c = dense(w, "forget", x, h), torch.tanh(dense(w, "candidate", x, h))
    return (torch.sigmoid(a) * h + (1 - torch.sigmoid(a - beta)) * c,), {"forget": torch.sigmoid(a), "candidate": c}


def ran(w, x, state, g=torch.tanh):
    """i, f = s(W x + U h + b), c' = i * W x + f * c, h' = g(c')"""
    h, c = state
    i, f = gates_of(w, "input forget", x, h)
    c = i * dense(w, "content", x) + f * c
    return (g(c), c), {"input": i, "forget": f}


def ligru(w, x, state):
    """z = s(W x + U h + b), h' = z * h + (1 - z) * relu(W x + U h + b)"""
    (h,) = state
    (z,), before = gates_of(w, "update", x, h), dense(w, "candidate", x, h)
    return (z * h + (1 - z) * torch.relu(before),), {"update": z, "kink": before}


def ligru_normed(w, x, state):
    """z = s(N(W x) + U h + b), h' = z * h + (1 - z) * relu(N(W x) + U h + b), N with a gain"""
    (h,) = state

    def total(w, gate, x, h):
        return (norm(x @ w[f"{gate}/input_weights"], w[f"{gate}/input_gain"], w[f"{gate}/bias"])
                + h @ w[f"{gate}/recurrent_weights"])

    (z,), before = gates_of(w, "update", x, h, total), total(w, "candidate", x, h)
    return (z * h + (1 - z) * torch.relu(before),), {"update": z, "kink": before}


def sru(w, x, state, alpha=1, g=identity):
    """f, r = s(W x + v * c + b), version 1 without v * c; c' = u + (c - u) * f, h' = x~ + (g(c') - x~) * r, where u = W x
    and x~ = alpha x, or a projection of x where I is not H"""
    _, c = state
    own = {gate: w.get(f"{gate}/recurrent_vector", torch.zeros_like(c)) for gate in ("forget", "reset")}
    f, r = gates_of(w, "forget reset", x, total=lambda w, gate, x, _: dense(w, gate, x) + own[gate] * c)
    u = dense(w, "content", x)
    through = dense(w, "projection", x) if "projection/input_weights" in w else alpha * x
    c = u + (c - u) * f
    return (through + (g(c) - through) * r, c), {"forget": f, "reset": r}


QRNN_GATES = "candidate", "forget", "output"


def qrnn(w, x, state, forget="keep"):
    """z = tanh(a), f, o = s(a), a = W x + b, or with a window of 2 W x + V x_before + b; c' = f * c + (1 - f) * z (forget=new:
    f * z + (1 - f) * c), h' = o * c'; <gate>_before0 stands for V x_before in the first step"""
    _, c, *before = state
    z, f, o = (dense(w, gate, x) + more for gate, more in zip(QRNN_GATES, before or (0, 0, 0)))
    z, f, o = torch.tanh(z), torch.sigmoid(f), torch.sigmoid(o)
    c = f * c + (1 - f) * z if forget == "keep" else f * z + (1 - f) * c
    before = tuple(x @ w[f"{gate}/previous_input_weights"] for gate in QRNN_GATES) if before else ()
    return (o * c, c, *before), {"candidate": z, "forget": f, "output": o}


def made_positive(value):
    return torch.where(value >= 0, value + 0.5, torch.sigmoid(value))


def mingru(w, x, state, g=identity):
    """z = s(W x + b), h' = (1 - z) * h + z * g(W x + b), g(a) = a, or a + 0.5 for a >= 0 and s(a) below (state=positive)"""
    (h,) = state
    (z,), c = gates_of(w, "update", x), dense(w, "candidate", x)
    return ((1 - z) * h + z * g(c),), {"update": z, "kink": c}


def minlstm(w, x, state, g=identity):
    """f, i = s(W x + b), h' = f / (f + i) * h + i / (f + i) * g(W x + b), g as in mingru"""
    (h,) = state
    (f, i), c = gates_of(w, "forget input", x), dense(w, "candidate", x)
    return (f / (f + i) * h + i / (f + i) * g(c),), {"forget": f, "input": i, "kink": c}


def mlstm(w, x, state):
    """m = (W x) * (U h), i, f, o = s(W x + U m + b), c' = f * c + i * tanh(W x + U m + b), h' = o * tanh(c')"""
    h, c = state
    m = (x @ w["intermediate/input_weights"]) * (h @ w["intermediate/recurrent_weights"])
    return lstm(w, x, (m, c))


def lnlstm(w, x, state, over="gate"):
    """i, f, o = s(a), g = tanh(a), a = N(W x) + N(U h) + b, c' = f * c + i * g, h' = o * tanh(N(c')); N of a over the units of
    one gate or of all four"""
    h, c = state
    if over == "gate":
        i, f, g, o = (normed(w, gate, x, h) for gate in LSTM_GATES)
    else:
        packed = {f"all/{what}": torch.cat([w[f"{gate}/{what}"] for gate in LSTM_GATES], -1)
                  for what in ("input_weights", "recurrent_weights", "input_gain", "recurrent_gain", "bias")}
        i, f, g, o = normed(packed, "all", x, h).chunk(4, 1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c = f * c + i * g
    h = o * torch.tanh(norm(c, w["state/gain"], w["state/shift"]))
    return (h, c), {"input": i, "forget": f, "candidate": g, "output": o}


def slstm(w, x, state):
    """a = W x + U h + b of i, f, z, o; m' = max(a_i, m + log s(a_f)), i = exp(a_i - m'), f = exp(m + log s(a_f) - m'),
    c' = f * c + i * tanh(a_z), n' = f * n + i, h' = s(a_o) * c' / n'; without a state before: m' = a_i, i = 1, f = 0"""
    fresh = not state
    h, c, n, m = state or (torch.zeros(x.shape[0], SMALL_SIZES[3]),) * 4
    to_input, to_forget = dense(w, "input", x, h), m + torch.nn.functional.logsigmoid(dense(w, "forget", x, h))
    m = to_input if fresh else torch.maximum(to_input, to_forget)
    i, f = torch.exp(to_input - m), torch.exp(to_forget - m) * (0 if fresh else 1)
    z, o = torch.tanh(dense(w, "candidate", x, h)), torch.sigmoid(dense(w, "output", x, h))
    c, n = f * c + i * z, f * n + i
    return (o * c / n, c, n, m), {"candidate": z, "output": o, **({} if fresh else {"kink": to_input - to_forget})}


def rhn(w, x, state):
    """s = h; for each layer: t = s([W x] + U s + b), s = tanh([W x] + U s + b) * t + s * (1 - t), W x in the first; h' = s"""
    (s,), seen = state, {}
    for layer in range(sum(path.endswith("transform/bias") for path in w)):
        t = torch.sigmoid(dense(w, f"layer_{layer}/transform", x, s))
        s = torch.tanh(dense(w, f"layer_{layer}/candidate", x, s)) * t + s * (1 - t)
        seen[f"transform {layer}"] = t
    return (s,), seen


class CoarseSource(Source):
    """Multiples of 1/256: few digits, so that the files stay small."""

    def normal(self, *shape):
        return torch.round(256 * super().normal(*shape)) / 256

    def uniform(self, bound, *shape):
        return torch.round(256 * super().uniform(bound, *shape)) / 256


class Design:
    """weights: "<gate>[,<gate>]:<letters of KINDS>[:<units>[:<values of the state that it sees>]]", by blanks
    state: names; + behind one: it starts positive."""

    def __init__(self, weights, state, step, inputs=SMALL_SIZES[2]):
        self.weights, self.state, self.step = weights, state.split(), step
        self.sizes = SMALL_SIZES[:2] + (inputs,) + SMALL_SIZES[3:]

    def draw(self, source):
        """Random weights by path."""
        weights = {}
        for word in self.weights.split():
            gates, letters, *sizes = word.split(":")
            units, sees = ([int(size) for size in sizes] + [self.sizes[3]] * 2)[:2]
            size_of = {"I": self.sizes[2], "n": units, "m": sees}
            for gate in gates.split(","):
                for letter in letters:
                    name, shape = KINDS[letter]
                    shape = [size_of[size] for size in shape]
                    weights[f"rnn/0/forward/{gate}/{name}"] = (
                        source.uniform(4, *shape) if letter == "B" else source.weights(*shape))
        return weights


def with_options(step, **options):
    return functools.partial(step, **options)


PEEPHOLE_GATES = "input,forget,output:WUbp candidate:WUb"
GATES_FROM_GATES = " ".join(f"{a}/from/{b}:U" for a in ("input", "forget", "output") for b in ("input", "forget", "output"))
PAPER_97 = ("input,output:WUb:2 candidate:WUb input/from/input,input/from/output,output/from/input,output/from/output:U:2:2 "
            "candidate/from/input,candidate/from/output:U:4:2")
SLSTM_HEADS = "input,forget,candidate,output:Wb " + " ".join(
    f"{gate}/head_{head}:U:2:2" for gate in LSTM_GATES for head in (0, 1))
LAYER_NORM_LSTM = "input,forget,candidate,output:WUbac state:gt"
DESIGNS = {  # family: {a cell as Sluice names it, @ and what tells it from others of the same cell: Design}
    "lstm": {
        "lstm97": Design("input,candidate,output:WUb", "h c", lstm97),
        "lstm97:preset=paper": Design(PAPER_97, "h c input output", lstm97_paper),
        "lstm:preset=nig": Design("forget,output:WUbp candidate:WUb", "h c", greff),
        "lstm:preset=nfg": Design("input,output:WUbp candidate:WUb", "h c", greff),
        "lstm:preset=nog": Design("input,forget:WUbp candidate:WUb", "h c", greff),
        "lstm:preset=niaf": Design(PEEPHOLE_GATES, "h c", with_options(greff, g=identity)),
        "lstm:preset=noaf": Design(PEEPHOLE_GATES, "h c", with_options(greff, k=identity)),
        "lstm:preset=cifg": Design("input,output:WUbp candidate:WUb", "h c", with_options(greff, forget="coupled")),
        "lstm:preset=fgr": Design(f"{PEEPHOLE_GATES} {GATES_FROM_GATES}", "h c input forget output", greff),
        "lstm:coupled=capped": Design("input,forget,candidate,output:WUb", "h c", with_options(greff, forget="capped")),
    },
    "lstm_relatives": {
        "mlstm": Design("intermediate:WU input,forget,candidate,output:WUb", "h c", mlstm),
        "lnlstm:over=gate": Design(LAYER_NORM_LSTM, "h c", lnlstm),
        "lnlstm:over=all": Design(LAYER_NORM_LSTM, "h c", with_options(lnlstm, over="all")),
        "slstm:heads=1@fresh": Design("input,forget,candidate,output:WUb", "", slstm),
        "slstm:heads=1": Design("input,forget,candidate,output:WUb", "h c n+ m", slstm),
        "slstm:heads=2": Design(SLSTM_HEADS, "h c n+ m", slstm),
    },
    "gru": {
        "mut1": Design("update:Wb reset:WUb projection:W candidate:Ub", "h", mut1),
        "mut2": Design("update,reset,candidate:WUb", "h", mut2),
        "mut3": Design("update,reset,candidate:WUb", "h", mut3),
        "mgu": Design("forget,candidate:WUb", "h", mgu),
        "mgu1": Design("forget:Ub candidate:WUb", "h", mgu),
        "mgu2": Design("forget:U candidate:WUb", "h", mgu),
        "mgu3": Design("forget:b candidate:WUb", "h", mgu),
        "gru1": Design("reset,update:Ub candidate:WUb", "h", gru),
        "gru2": Design("reset,update:U candidate:WUb", "h", gru),
        "gru3": Design("reset,update:b candidate:WUb", "h", gru),
        "gru:gates=hard_sigmoid": Design("reset,update:WUB candidate:WUb", "h", hard_gru),
        "lngru": Design("reset,update,candidate:WUbac", "h", with_options(gru, total=normed)),
        "lngru:reset=after": Design("reset,update,candidate:WUbac", "h", lngru_after),
        "ugrnn": Design("gate,candidate:WUb", "h", ugrnn),
        "intersection": Design("output,candidate,up,gate:WUb projection:W", "h s", intersection),
        "intersection@as_wide": Design("output,candidate,up,gate:WUb", "h s", intersection, inputs=4),
        "janet": Design("forget,candidate:WUb", "h", janet),
        "ligru:norm=layer": Design("update,candidate:WUab", "h", ligru_normed),
        "ligru:norm=none": Design("update,candidate:WUb", "h", ligru),
        "rhn:depth=2": Design("layer_0/candidate,layer_0/transform:WUb layer_1/candidate,layer_1/transform:Ub", "h", rhn),
        "rhn:depth=3": Design("layer_0/candidate,layer_0/transform:WUb layer_1/candidate,layer_1/transform:Ub "
                              "layer_2/candidate,layer_2/transform:Ub", "h", rhn),
    },
    "light": {
        "irnn": Design("state:WUb", "h", irnn),
        "indrnn": Design("state:Wbv", "h", indrnn),
        "ran": Design("input,forget:WUb content:W", "h c", ran),
        "ran:output=identity": Design("input,forget:WUb content:W", "h c", with_options(ran, g=identity)),
        "sru:version=1": Design("forget,reset:Wb content,projection:W", "h c", sru),
        "sru:version=2": Design("forget,reset:Wbv content,projection:W", "h c", sru),
        "sru:output=tanh:alpha=1.5": Design("forget,reset:Wbv content,projection:W", "h c",
                                            with_options(sru, alpha=1.5, g=torch.tanh)),
        "sru:output=tanh:alpha=1.5@as_wide": Design("forget,reset:Wbv content:W", "h c",
                                                    with_options(sru, alpha=1.5, g=torch.tanh), inputs=4),
        "qrnn:window=1": Design("candidate,forget,output:Wb", "h c", qrnn),
        "qrnn:window=1:forget=new": Design("candidate,forget,output:Wb", "h c", with_options(qrnn, forget="new")),
        "qrnn:window=2": Design("candidate,forget,output:WVb", "h c candidate_before forget_before output_before", qrnn),
        "mingru:state=signed": Design("update,candidate:Wb", "h", mingru),
        "mingru:state=positive": Design("update,candidate:Wb", "h", with_options(mingru, g=made_positive)),
        "minlstm:state=signed": Design("forget,input,candidate:Wb", "h", minlstm),
        "minlstm:state=positive": Design("forget,input,candidate:Wb", "h", with_options(minlstm, g=made_positive)),
    },
}


def formula_of(design):
    return " ".join(getattr(design.step, "func", design.step).__doc__.split())


def design_case(case, design):
    """Records of the first draw whose gates pass `check_gates`."""
    for attempt in range(200):
        source = CoarseSource(f"{case} {attempt}")
        weights = design.draw(source)
        sequence = SequenceCase(source, 1, 1, [name.rstrip("+") for name in design.state], sizes=design.sizes)
        sequence.initial = tuple(value + (1.5 if name.endswith("+") else 0)
                                 for name, value in zip(design.state, sequence.initial))
        results, seen = sequence.written_out(design.step, weights)
        try:
            check_gates(case, seen)
        except AssertionError as failure:
            last = failure
            continue
        return {**sequence.givens(), **weights, **results}
    raise last


def check_designs():
    """Ties gate designs to proven cells and to each other, where one is a special case of the other."""
    source = Source("check_designs")

    def tie(left, right, wanted, inputs=SMALL_SIZES[2]):
        """wanted(path -> weight of `left`) are the weights of `right` for which both give the same."""
        sequence = SequenceCase(source, 1, 1, left.state, sizes=SMALL_SIZES[:2] + (inputs,) + SMALL_SIZES[3:])
        w = {path[len("rnn/0/forward/"):]: value for path, value in left.draw(source).items()}
        results = []
        for step, weights in ((left.step, w), (right, wanted(w))):
            records, _ = sequence.written_out(step, {f"rnn/0/forward/{path}": value for path, value in weights.items()})
            results.append({name: value for name, value in records.items() if not name.startswith("gradient/rnn/")})
        check_same(f"{left.step} {right}", *results)

    def renamed(w, names):
        """Gate `new` has the weights of `old`, for each (new, old)."""
        return {path.replace(old, new, 1): value for new, old in names for path, value in w.items()
                if path.startswith(f"{old}/")}

    lstm_designs, gru_designs, light = {**DESIGNS["lstm"], **DESIGNS["lstm_relatives"]}, DESIGNS["gru"], DESIGNS["light"]
    # Greff's cell without a change is the peephole LSTM; capping does nothing where f is 1 - i.
    tie(Design(PEEPHOLE_GATES, "h c", greff), lstm_peepholes, lambda w: w)
    same_forget = [(gate, gate) for gate in ("candidate", "output", "input")] + [("forget", "input")]
    tie(Design("input,candidate,output:WUb", "h c", with_options(greff, forget="coupled")),
        with_options(greff, forget="capped"),
        lambda w: {**renamed(w, same_forget), **{p.replace("input/", "forget/"): -v for p, v in w.items() if "input/" in p}})
    # A gate with all of its weights is a GRU's; one gate for both is an MGU; JANET without beta is a UGRNN.
    whole = Design("reset,update,candidate:WUb", "h", gru)
    tie(whole, gru_reset_before, lambda w: w)
    tie(gru_designs["mgu"], gru_update_new, lambda w: renamed(
        w, [("reset", "forget"), ("update", "forget"), ("candidate", "candidate")]))
    tie(gru_designs["mut2"], gru_update_new, lambda w: w)
    tie(gru_designs["ugrnn"], with_options(janet, beta=0), lambda w: renamed(
        w, [("forget", "gate"), ("candidate", "candidate")]))
    # A highway of one layer turns a UGRNN's gate over.
    tie(Design("layer_0/candidate,layer_0/transform:WUb", "h", rhn), ugrnn, lambda w: {
        **renamed(w, [("candidate", "layer_0/candidate")]),
        **{path: -value for path, value in renamed(w, [("gate", "layer_0/transform")]).items()}})
    # Two heads are blocks of one matrix. A first state of zeros gives what no state gives.
    def joined(w):
        whole = {path: value for path, value in w.items() if "head" not in path}
        for gate in LSTM_GATES:
            whole[f"{gate}/recurrent_weights"] = torch.block_diag(*(w[f"{gate}/head_{k}/recurrent_weights"] for k in (0, 1)))
        return whole

    tie(lstm_designs["slstm:heads=2"], slstm, joined)
    tie(lstm_designs["slstm:heads=1@fresh"],
        lambda w, x, s: slstm(w, x, s or (torch.zeros(x.shape[0], SMALL_SIZES[3]),) * 4), lambda w: w)
    # A window of two is a convolution.
    design = light["qrnn:window=2"]
    sequence = SequenceCase(source, 1, 1, design.state, sizes=design.sizes)
    w = design.draw(source)
    zero = tuple(torch.zeros_like(value) for value in sequence.initial)
    outputs, _, _ = run_stack(qrnn, w, sequence.x, zero)
    x = torch.nn.functional.pad(sequence.x.permute(1, 2, 0), (1, 0))
    z, f, o = (torch.nn.functional.conv1d(
        x, torch.stack([w[f"rnn/0/forward/{gate}/{what}"].t() for what in ("previous_input_weights", "input_weights")], 2),
        w[f"rnn/0/forward/{gate}/bias"]).permute(2, 0, 1) for gate in QRNN_GATES)
    c, expected = zero[1][0], []
    for t in range(len(z)):
        c = torch.sigmoid(f[t]) * c + (1 - torch.sigmoid(f[t])) * torch.tanh(z[t])
        expected.append(torch.sigmoid(o[t]) * c)
    check_same("qrnn:window=2", {"outputs": torch.stack(expected)}, {"outputs": outputs})


# ---------------------------------------------------------------------------------------------------------------------------
# Training cases

LANGUAGE_MODEL_STEPS = 6
CLIP_NORM = 0.25
LANGUAGE_MODEL_OPTIMIZERS = {
    "sgd": ("SGD, learning rate 0.5, no momentum", lambda p: torch.optim.SGD(p, lr=0.5)),
    "adam": ("Adam, learning rate 0.01, betas (0.9, 0.999), eps 1e-8, no weight decay",
             lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.999), eps=1e-8)),
}


def language_model_case(cell, optimizer_name):
    """Six steps of training a one-layer language model; the weights and ids of a cell are the same for each optimizer."""
    source = Source(f"language_model_{cell}")
    _, gates, states, twin = TORCH_CELLS[cell]
    embedding = torch.nn.Embedding(V, E)
    rnn = make_module(source, cell, E)
    read_out = torch.nn.Linear(H, V)
    with torch.no_grad():
        for parameter in (embedding.weight, read_out.weight, read_out.bias):
            parameter.copy_(source.weights(*parameter.shape))
    parameters = [*embedding.parameters(), *rnn.parameters(), *read_out.parameters()]
    optimizer = LANGUAGE_MODEL_OPTIMIZERS[optimizer_name][1](parameters)

    def weights():
        return {
            "embedding/table": embedding.weight.detach().clone(),
            **by_our_names(rnn, gates),
            "read_out/weights": read_out.weight.detach().t().clone(),
            "read_out/bias": read_out.bias.detach().clone(),
        }

    def written_out_loss(w, inputs, targets):
        zeros = tuple(torch.zeros(1, B, H) for _ in states)
        outputs, _, _ = run_stack(twin, w, w["embedding/table"][inputs], zeros)
        log_probabilities = torch.log_softmax(outputs @ w["read_out/weights"] + w["read_out/bias"], dim=2)
        return -log_probabilities.gather(2, targets.unsqueeze(2)).mean()

    records = {f"initial/{path}": value for path, value in weights().items()}
    measures, clipped = {}, 0
    for step in range(LANGUAGE_MODEL_STEPS):
        inputs, targets = source.ids(T, B), source.ids(T, B)
        records[f"inputs/{step}"], records[f"targets/{step}"] = inputs, targets
        optimizer.zero_grad()
        outputs, _ = rnn(embedding(inputs))
        loss = torch.nn.functional.cross_entropy(read_out(outputs).reshape(T * B, V), targets.reshape(T * B))
        again = written_out_loss(weights(), inputs, targets)
        assert abs(loss.item() - again.item()) <= TOLERANCE, (cell, optimizer_name, step, loss.item(), again.item())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        # Adam divides by the gradient's own size: one that is all rounding error would make the file unrepeatable.
        nonzero = torch.cat([p.grad.flatten() for p in parameters]).abs()
        assert nonzero[nonzero > 0].min() > 1e-8, (cell, step, nonzero[nonzero > 0].min())
        clipped += int(norm > CLIP_NORM)
        optimizer.step()
        measures[f"loss/{step}"], measures[f"norm/{step}"] = loss.detach(), norm.detach()
    assert clipped >= 4, (cell, optimizer_name, clipped)
    records.update(measures)
    records.update({f"final/{path}": value for path, value in weights().items()})
    return records


OPTIMIZER_STEPS = 6
OPTIMIZERS = {
    # name: (comment, make); `make` spells out torch's defaults except where the comment says so
    "sgd_momentum": ("SGD, momentum 0.9 (default 0), dampening 0: m = 0.9 m + g (m = g at step 0), p -= lr m",
                     lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0)),
    "sgd_nesterov": ("SGD, momentum 0.9 (default 0), nesterov: m as above, p -= lr (g + 0.9 m)",
                     lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0, nesterov=True)),
    "rmsprop": ("RMSprop, alpha 0.99, eps 1e-8, no momentum, not centred (all defaults; default lr 0.01): "
                "v = 0.99 v + 0.01 g^2, p -= lr g / (sqrt(v) + eps)",
                lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.99, eps=1e-8)),
    "adagrad": ("Adagrad, eps 1e-10, lr_decay 0, initial accumulator 0 (all defaults; default lr 0.01): "
                "s += g^2, p -= lr g / (sqrt(s) + eps)",
                lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0, initial_accumulator_value=0, eps=1e-10)),
    "adam": ("Adam, betas (0.9, 0.999), eps 1e-8, weight decay 0 (all defaults; default lr 0.001): "
             "p -= lr m^ / (sqrt(v^) + eps), m^ and v^ corrected for bias",
             lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.9, 0.999), eps=1e-8)),
    "adamw": ("AdamW, betas (0.9, 0.999), eps 1e-8 (defaults), weight decay 0.1 (default 0.01; default lr 0.001): "
              "p *= 1 - lr 0.1, then as adam",
              lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)),
}


def optimizers_case():
    source = Source("optimizers")
    initial = source.normal(3, 2)
    gradients = [source.normal(3, 2) for _ in range(OPTIMIZER_STEPS)]
    records = {"initial": initial}
    records.update({f"gradient/{step}": gradient for step, gradient in enumerate(gradients)})
    for name, (_, make) in OPTIMIZERS.items():
        parameter = torch.nn.Parameter(initial.clone())
        optimizer = make([parameter])
        for step, gradient in enumerate(gradients):
            parameter.grad = gradient.clone()
            optimizer.step()
            records[f"{name}/parameter/{step}"] = parameter.detach().clone()
    return records


# ---------------------------------------------------------------------------------------------------------------------------


def all_cases():
    """Yields (case, comments, records)."""
    sizes = f"T={T} B={B} I={I} H={H}"
    loss = "loss = sum(outputs * output_weights) + sum(h_n * h_n_weights) [+ sum(c_n * c_n_weights)]"
    for cell in TORCH_CELLS:
        for layers in (1, 2):
            for directions in (1, 2):
                case = f"{cell}_{layers}layer_{('one', 'two')[directions - 1]}way"
                yield case, [f"torch.nn, {sizes}, two biases", loss], torch_case(case, cell, layers, directions)
    yield "masked_gru", [
        f"torch.nn.GRU on a packed sequence, {sizes}, one layer, two ways, two biases",
        "loss = sum(outputs_zero_padded * output_weights) + sum(h_n * h_n_weights)",
        "x is not zero at padded steps; output_weights is, so that a kept state there gives the same loss",
    ], torch_case("masked_gru", "gru", 1, 2, lengths=(5, 3, 1))
    for case, (_, _, _, cell) in WRITTEN_OUT_CELLS.items():
        formula = " ".join(cell.__doc__.split())
        if case == "lstm_one_bias":
            formula = "c' = f * c + i * g, h' = o * tanh(c')."
        yield case, [f"Written out, {sizes}, one layer, one way, one bias", formula, loss], written_out_case(case)
    for family, designs in DESIGNS.items():
        records, formulas = {}, {}
        for cell, design in designs.items():
            records.update({f"{cell}/{name}": value for name, value in design_case(cell, design).items()})
            formulas.setdefault(formula_of(design), []).append(cell)
        yield f"cells_{family}", [
            "Written out, one layer, one way; <cell>/<name> is a record of that cell. s is the logistic sigmoid, * by element",
            "loss = sum(outputs * output_weights) + sum of (state_n * state_n_weights) of each state",
            *(f"{', '.join(cells)}: {formula}" for formula, cells in formulas.items()),
        ], records
    for cell in ("elman_tanh", "gru", "lstm"):
        for optimizer, (comment, _) in LANGUAGE_MODEL_OPTIMIZERS.items():
            yield f"language_model_{cell}_{optimizer}", [
                f"Embedding, torch.nn cell (two biases), read-out: T={T} B={B} V={V} E={E} H={H}",
                "Each step: zero state, loss = mean cross-entropy in nats, norm = global norm of all gradients,",
                f"gradients *= min(1, {CLIP_NORM} / (norm + 1e-6)), then {comment}",
            ], language_model_case(cell, optimizer)
    yield "optimizers", [
        "learning rate (lr) 0.1 everywhere; <optimizer>/parameter/<k> is the value after using gradient/<k>",
        *(f"{name}: {comment}" for name, (comment, _) in OPTIMIZERS.items()),
    ], optimizers_case()


def main():
    parser = argparse.ArgumentParser(description="Writes Sluice's golden files from PyTorch.")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent, metavar="DIR",
                        help="folder to write to (default: this script's)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    check_conventions()
    check_designs()
    total = files = 0
    for case, comments, records in all_cases():
        total += write_file(folder, case, comments, records)
        files += 1
    assert total <= TOTAL_LIMIT, total
    print(f"{files} files, {math.ceil(total / 1000)} kB in {folder}")


if __name__ == "__main__":
    main()
