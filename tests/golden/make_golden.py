#!/usr/bin/python3
"""Writes the golden files: what PyTorch computes for the gate conventions that Sluice implements.

    /usr/bin/python3 tests/golden/make_golden.py [--out DIR]

One text file a case, all numbers in float64, the same bytes on every run. A file is `# comment` lines, then one record a line

    name rank size... : v0 v1 ...

row-major, `%.17g`, so that every value is read back exactly. Ids, lengths and masks are written the same way.

Three kinds of case:

1. `<cell>_<layers>layer_<one|two>way` and `masked_gru`: from torch.nn. Each is computed a second time from the numbers *by our
   names*, with the cells written out below, and must agree to 1e-12 in values and in gradients. That proves both the names (gate
   order, transposes, direction, two biases) and the written-out cells.
2. Conventions that torch.nn does not have (`gru_reset_before`, ...): from the cells written out below, gradients by torch.autograd.
   They are tied to the proven ones through identities (`check_conventions`).
3. `language_model_<cell>_<optimizer>` and `optimizers`: whole training steps with torch.optim.

Weights are stored (inputs, outputs), the transpose of PyTorch's, so y = x W. A path is `rnn/<layer>/<direction>/<gate>/<what>`.
Letters: T steps, B batch, I inputs, H hidden, V vocabulary, E embedding.
"""

import argparse
import math
import os
import pathlib
import zlib

os.environ.setdefault("ATEN_CPU_CAPABILITY", "default")  # the same element-wise kernels on every processor

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)

T, B, I, H = 5, 3, 4, 5
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
    return (torch.relu(before),), {"before_relu": before}


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
                state = tuple(keep * b + (1 - keep) * a for a, b in zip(state, new))
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
        if gate == "before_relu":
            assert value.abs().min() > 1e-3, (case, value.abs().min())
            assert 0.2 < (value > 0).double().mean() < 0.8, (case, (value > 0).double().mean())
        else:
            low = -0.999 if gate in ("state", "candidate") else 0.01
            high = 0.999 if gate in ("state", "candidate") else 0.99
            assert low < value.min() and value.max() < high, (case, gate, value.min(), value.max())
            assert value.std() > 0.08, (case, gate, value.std())


# ---------------------------------------------------------------------------------------------------------------------------
# Sequence cases


class SequenceCase:
    """Inputs, initial states and cotangents of one case, and the records they lead to."""

    def __init__(self, source, layers, directions, states, lengths=None):
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
        records.update({f"gradient/{s}0": value.grad for s, value in zip(self.states, initial)})
        return records

    def written_out(self, cell, weights):
        """Results from a written-out cell, and the gates seen."""
        weights = {path: value.detach().clone().requires_grad_() for path, value in weights.items()}
        seen = {}

        def run(x, initial):
            outputs, finals, gates = run_stack(cell, weights, x, initial, self.layers, self.directions, self.mask)
            seen.update(gates)
            return outputs, finals, lambda: {path: value.grad for path, value in weights.items()}

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
    total = files = 0
    for case, comments, records in all_cases():
        total += write_file(folder, case, comments, records)
        files += 1
    assert total <= TOTAL_LIMIT, total
    print(f"{files} files, {math.ceil(total / 1000)} kB in {folder}")


if __name__ == "__main__":
    main()
