"""Cells as `Deployment` defines them, and the few of PyNN's names that the exported program uses.

FAKE_PYNN_LOG names the file that takes what was asked for; FAKE_PYNN_FORGET is a variable that no population returns.
"""

import json
import math
import os

LATE = 0
MULTIPLIES_BY_INIT = False
log = {}


def setup(**options):
    log.clear()
    log.update(setup=options, populations=[], projections=[])
    Population.all.clear()
    Projection.all.clear()


class Cells:
    def __init__(self, model, parameters):
        self.model, self.parameters = model, parameters


def model(name):
    return lambda **parameters: Cells(name, parameters)


SpikeSourceArray = model("SpikeSourceArray")
IF_curr_exp = model("IF_curr_exp")
IF_curr_delta = model("IF_curr_delta")
IF_cond_exp = model("IF_cond_exp")


class Quantity(list):
    @property
    def shape(self):
        return (len(self), len(self[0]) if self and isinstance(self[0], list) else 0)

    @property
    def magnitude(self):
        return self

    def rescale(self, unit):
        assert unit in ("ms", "mV")
        return self

    def __getitem__(self, at):
        return Quantity(list.__getitem__(self, at)) if isinstance(at, slice) else list.__getitem__(self, at)

    def __truediv__(self, by):
        return Quantity([x / by for x in row] for row in self)

    def tolist(self):
        return list(self)


class Data:
    def __init__(self, spiketrains, analogsignals):
        self.spiketrains, self.analogsignals = spiketrains, analogsignals

    @property
    def segments(self):
        return [self]


class Population:
    all = []

    def __init__(self, n, cells, label, additional_parameters=None):
        self.n, self.cells = n, cells
        self.spikes, self.v = [[] for _ in range(n)], []
        self.asked = {"label": label, "model": cells.model, "n": n, "v": None, "record": []}
        if additional_parameters is not None:
            self.asked["additional_parameters"] = {k: str(v) if k == "splitter" else v for k, v in additional_parameters.items()}
        log["populations"].append(self.asked)
        Population.all.append(self)

    def initialize(self, v):
        self.asked["v"] = v

    def record(self, variables):
        self.asked["record"] = variables

    def get_data(self, variable):
        if variable == os.environ.get("FAKE_PYNN_FORGET") or variable not in self.asked["record"]:
            return Data([], [])
        if variable == "spikes":
            return Data([Quantity(train) for train in self.spikes], [])
        return Data([], [Quantity(self.v)])


def FromListConnector(rows, column_names):
    assert column_names == ["weight", "delay"]
    return rows


def StaticSynapse():
    return "static"


class Projection:
    all = []

    def __init__(self, pre, post, rows, synapse_type, receptor_type):
        assert synapse_type == "static"
        self.pre, self.post, self.rows, self.receptor = pre, post, rows, receptor_type
        index = [Population.all.index(p) for p in (pre, post)]
        log["projections"].append({"pre": index[0], "post": index[1], "receptor": receptor_type, "rows": rows})
        Projection.all.append(self)


def run(duration):
    dt = log["setup"]["timestep"]
    arriving = {}
    state = {}
    for population in Population.all:
        if population.cells.model != "SpikeSourceArray":
            state[population] = {"v": list(population.asked["v"]), "g": [[0.0] * population.n, [0.0] * population.n], "wait": [0] * population.n}
    for step in range(round(duration / dt)):
        fired = []
        for population in Population.all:
            if population.cells.model == "SpikeSourceArray":
                times = population.cells.parameters["spike_times"]
                fired += [(population, i) for i in range(population.n) if any(round(t / dt) == step for t in times[i])]
                continue
            fired += [(population, i) for i in advance(population, state[population], arriving.pop((step, population), []), step, dt)]
        for projection in Projection.all:
            r = 1 if projection.receptor == "inhibitory" else 0
            senders = {i for population, i in fired if population is projection.pre}
            for pre, post, weight, delay in projection.rows:
                if pre in senders:
                    arriving.setdefault((step + round(delay / dt), projection.post), []).append((r, post, abs(weight)))


def advance(population, state, arriving, step, dt):
    p, fired = population.cells.parameters, []
    model = population.cells.model
    for r, post, weight in arriving:
        tau = p["tau_syn_I" if r else "tau_syn_E"][post] if model != "IF_curr_delta" else None
        factor = (tau / dt) * (1 - math.exp(-dt / tau)) if MULTIPLIES_BY_INIT and tau else 1.0
        state["g"][r][post] += weight * factor
    population.v.append(list(state["v"]))
    for i in range(population.n):
        g_e, g_i, v = state["g"][0][i], state["g"][1][i], state["v"][i]
        if model == "IF_cond_exp":
            current = g_e * (p["e_rev_E"][i] - v) - g_i * (v - p["e_rev_I"][i])
        else:
            current = (g_e - g_i) / (dt if model == "IF_curr_delta" else 1.0)
        current += p["i_offset"][i]
        if state["wait"][i] > 0:
            state["wait"][i] -= 1
        else:
            rest = current * p["tau_m"][i] / p["cm"][i] + p["v_rest"][i]
            v = rest + math.exp(-dt / p["tau_m"][i]) * (v - rest)
            if v >= p["v_thresh"][i]:
                fired.append(i)
                population.spikes[i].append((step + LATE) * dt)
                v = p["v_reset"][i]
                state["wait"][i] = math.ceil(p["tau_refrac"][i] / dt - 1e-9)
            state["v"][i] = v
        for g, tau in zip(state["g"], ("tau_syn_E", "tau_syn_I")):
            g[i] *= math.exp(-dt / p[tau][i]) if tau in p else 0.0
    return fired


def end():
    name = os.environ.get("FAKE_PYNN_LOG")
    if name:
        with open(name, "w", encoding="ascii") as file:
            json.dump(log, file)
