"""Makes network.json and report.zip: a small network, and what the mapper of sPyNNaker 7.4.1 wrote for it on a virtual board.

Run in an empty folder, with HOME set to a folder whose .spynnaker.cfg asks for a virtual board of version 5 and for the reports
(keep_dataspec_database, keep_json_files, write_json_placements, write_json_routing_tables):

    python make.py
"""

import glob
import json
import random
import zipfile

import pyNN.spiNNaker as sim

SIZES = {"in": 300, "a": 300, "b": 5}
CELLS = {
    "tau_m": 20.0, "cm": 1.0, "tau_syn_E": 5.0, "tau_syn_I": 7.0, "v_rest": -60.0, "v_reset": -61.0,
    "v_thresh": -50.0, "tau_refrac": 2.0, "i_offset": 0.1,
}
REVERSAL = {"e_rev_E": 0.0, "e_rev_I": -70.0}
# Sender, receiver, receptor, number of synapses, largest weight, longest delay.
LISTS = [
    ("in", "a", "excitatory", 500, 1.0, 8),
    ("a", "a", "inhibitory", 300, 0.5, 4),
    ("a", "b", "excitatory", 100, 0.01, 2),
    ("b", "a", "inhibitory", 200, 0.1, 5),
]

random.seed(4)
sim.setup(timestep=1.0, min_delay=1.0)
names = {"in": "SpikeSourceArray", "a": "IF_curr_exp", "b": "IF_cond_exp"}
parameters = {"in": {"spike_times": [[5.0]] * SIZES["in"]}, "a": CELLS, "b": {**CELLS, **REVERSAL}}
populations = {label: sim.Population(n, getattr(sim, names[label])(**parameters[label]), label=label) for label, n in SIZES.items()}
populations["a"].record(["spikes", "v"])
projections = []
for pre, post, receptor, count, largest, longest in LISTS:
    pairs = random.sample([(i, j) for i in range(SIZES[pre]) for j in range(SIZES[post])], count)
    synapses = [(i, j, random.random() * largest, float(random.randint(1, longest))) for i, j in pairs]
    connector = sim.FromListConnector(synapses, column_names=["weight", "delay"])
    sim.Projection(populations[pre], populations[post], connector, sim.StaticSynapse(), receptor_type=receptor)
    projections.append({"pre": pre, "post": post, "receptor": receptor, "connections": synapses})
sim.run(100)
sim.end()

network = {"timestep_ms": 1.0, "steps": 100, "populations": [], "projections": projections}
for label, n in SIZES.items():
    population = {"label": label, "type": names[label], "n": n}
    if label != "in":
        population["parameters"] = {name: [value] * n for name, value in parameters[label].items()}
    network["populations"].append(population)
with open("network.json", "w") as file:
    json.dump(network, file, separators=(",", ":"))

run = sorted(glob.glob("reports/*/run_1"))[-1]
with zipfile.ZipFile("report.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name in ["ds.sqlite3", "json_files/placements.json", "json_files/routing_tables.json"]:
        archive.write(f"{run}/{name}", name)
