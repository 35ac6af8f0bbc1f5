"""Runs the samples of a NIR file with the reader that the file names, and compares with the spikes it says the reader should find.

Prints one JSON document: versions, and per sample the spikes expected, found, and found where they are expected. With the argument
`reset_delay`, neurons of snnTorch spend a step at their reset.
"""

import contextlib
import json
import sys
from importlib.metadata import version

import h5py
import nir
import numpy as np


def spikes(group):
    """Spikes (step, population, neuron) of each sample."""
    ptr = group["ptr"][()]
    columns = [group[name][()] for name in ("step", "population", "neuron")]
    return [list(zip(*(c[a:b].tolist() for c in columns))) for a, b in zip(ptr, ptr[1:])]


def canonical(graph, about):
    """The conventions of the metadata, word by word, over the graph as `nir` reads it."""
    dt, wait_steps = about["dt_s"], about["conventions"]["refractory_steps"]
    order = {nir.Input: 0, nir.Delay: 1, nir.Linear: 2}
    names = sorted(graph.nodes, key=lambda name: order.get(type(graph.nodes[name]), 3))
    feeds = {name: [a for a, b in graph.edges if b == name] for name in names}

    def start(starts):
        state = {}
        for name in names:
            node = graph.nodes[name]
            if isinstance(node, (nir.CubaLIF, nir.LIF)):
                n = node.v_leak.size
                state[name] = [np.zeros(n), starts[name].copy(), np.zeros(n, int)]
        return state

    def run(inputs, steps, starts):
        state, out, found = start(starts), {name: [] for name in names}, {}
        for step in range(steps):
            for name in names:
                node = graph.nodes[name]
                if isinstance(node, nir.Input):
                    out[name].append(inputs[name][step])
                    continue
                if not isinstance(node, (nir.Delay, nir.Linear)) and name not in state:
                    continue  # the readout and the outputs: no spikes
                ago = int(round(node.delay[0] / dt)) if isinstance(node, nir.Delay) else 0
                x = sum(out[a][step - ago] for a in feeds[name] if step >= ago)
                if isinstance(node, nir.Delay):
                    out[name].append(x + np.zeros(node.delay.size))
                elif isinstance(node, nir.Linear):
                    out[name].append(node.weight @ (x + np.zeros(node.weight.shape[1])))
                else:
                    i, v, wait = state[name]
                    if isinstance(node, nir.LIF):
                        i, tau = x, node.tau
                    else:
                        jump = node.w_in * dt / node.tau_syn
                        i, tau = np.exp(-dt / node.tau_syn) * i + jump * x, node.tau_mem
                    b = np.exp(-dt / tau)
                    moved = np.where(wait > 0, v, b * v + (1 - b) * (node.v_leak + node.r * i))
                    fired = (moved > node.v_threshold) & (wait == 0)
                    state[name] = [i, np.where(fired, node.v_reset, moved), np.where(fired, wait_steps, np.maximum(wait - 1, 0))]
                    out[name].append(fired.astype(float))
                    found.setdefault(name, []).append(fired)
        return {name: np.array(rows) for name, rows in found.items()}

    return run


def norse(graph, about):
    import norse.torch
    import torch

    def run(inputs, steps, _):
        module, state, rows = norse.torch.from_nir(graph, dt=about["dt_s"]), None, []
        with torch.no_grad():
            for step in range(steps):
                _, state = module(torch.tensor(inputs["input"][step], dtype=torch.float32), state)
                rows.append(state.cache["hidden"].numpy() > 0)
        return {"hidden": np.array(rows)}

    return run


def snntorch(path, reset_delay):
    import torch
    from snntorch.import_nir import import_from_nir

    def run(inputs, steps, _):
        with contextlib.redirect_stdout(sys.stderr):
            module = import_from_nir(nir.read(path))
        module.hidden.reset_delay = reset_delay
        state, rows = None, []
        with torch.no_grad():
            for step in range(steps):
                out, state = module(torch.tensor(inputs["input"][step : step + 1], dtype=torch.float32), state)
                rows.append(out[0].numpy() > 0)
        return {"hidden": np.array(rows)}

    return run


def main(path, *options):
    graph = nir.read(path)
    with h5py.File(path, "r") as file:
        own = file["metadata/kenyon"]
        about = json.loads(own["description"][()])
        samples, expected = spikes(own["samples"]), spikes(own["expected"])
        starts = {p["node"]: own[f"populations/{k}/start"][()] for k, p in enumerate(about["populations"]) if p["role"] == "hidden"}
    assert json.loads(graph.metadata["kenyon"]) == about, "`nir.read` finds the description"
    packages = {"canonical": ["nir"], "norse": ["nir", "nirtorch", "norse", "torch"], "snntorch": ["nir", "nirtorch", "snntorch", "torch"]}
    run = {"canonical": lambda: canonical(graph, about), "norse": lambda: norse(graph, about), "snntorch": lambda: snntorch(path, "reset_delay" in options)}[
        about["profile"]
    ]()
    shift, steps, populations = about["conventions"]["input_shift_steps"], about["steps"], about["populations"]
    rows = []
    for sample, wanted in zip(samples, expected):
        inputs = {
            name: np.zeros((steps, int(node.input_type["input"][0])))
            for name, node in graph.nodes.items()
            if isinstance(node, nir.Input)
        }
        for step, population, neuron in sample:
            place = populations[population]
            if step + shift < steps:
                inputs[place["node"]][step + shift, place["first"] + neuron] += 1
        out = run(inputs, steps, starts)
        found = set()
        for k, place in enumerate(populations):
            if place["role"] == "hidden":
                own = out[place["node"]][:, place["first"] : place["first"] + place["n"]]
                found |= {(int(step), k, int(neuron)) for step, neuron in np.argwhere(own)}
        rows.append({"expected": len(wanted), "found": len(found), "same": len(found & set(wanted)), "spikes": sorted(found)})
    print(json.dumps({"profile": about["profile"], "versions": {p: version(p) for p in packages[about["profile"]]}, "samples": rows}))


main(*sys.argv[1:])
