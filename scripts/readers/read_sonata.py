"""Reads a SONATA folder with libsonata and with h5py, and prints as one JSON document what both find."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import h5py
import libsonata
import numpy as np

folder = Path(sys.argv[1])
config = libsonata.CircuitConfig.from_file(str(folder / "circuit_config.json"))
nodes, edges, spikes = {}, {}, {}
for name in sorted(config.node_populations):
    population = config.node_population(name)
    ids = population.get_attribute("root_id", population.select_all())
    with h5py.File(folder / "nodes.h5") as file:
        own = file[f"nodes/{name}"]
        assert np.array_equal(own["0/root_id"][()], ids) and own["0/root_id"].dtype == np.uint64
    parameters = {p: float(population.get_dynamics_attribute(p, population.select_all()).sum()) for p in sorted(population.dynamics_attribute_names)}
    nodes[name] = {"n": population.size, "first": int(ids[0]), "type": config.node_population_properties(name).type, "parameters": parameters}
for name in sorted(config.edge_populations):
    population = config.edge_population(name)
    everything = population.select_all()
    source, target = population.source_nodes(everything), population.target_nodes(everything)
    for node in set(source.tolist()):
        assert population.efferent_edges([node]).flatten().tolist() == np.flatnonzero(source == node).tolist()
    for node in set(target.tolist()):
        assert population.afferent_edges([node]).flatten().tolist() == np.flatnonzero(target == node).tolist()
    weight, delay = (population.get_attribute(a, everything) for a in ("syn_weight", "delay"))
    with h5py.File(folder / "edges.h5") as file:
        assert file.attrs["magic"] == 0x0A7A and file.attrs["version"].dtype == np.uint32
        assert np.array_equal(file[f"edges/{name}/0/syn_weight"][()], weight)
    edges[name] = {
        "n": population.size,
        "source": population.source,
        "target": population.target,
        "weight": float(weight.sum()),
        "negative": int((weight < 0).sum()),
        "delay": float(delay.sum()),
    }
for path in sorted(folder.glob("spikes_*.h5")):
    reader = libsonata.SpikeReader(str(path))
    for name in reader.get_population_names():
        population = reader[name]
        assert population.sorting == "by_time" and population.time_units == "ms"
        found = population.get()
        spikes[f"{path.name} {name}"] = {"n": len(found), "times": float(sum(t for _, t in found)), "nodes": sum(n for n, _ in found)}
for path in sorted(folder.glob("simulation_config_*.json")):
    simulation = libsonata.SimulationConfig.from_file(str(path))
    assert simulation.run.dt > 0 and set(simulation.list_input_names)
versions = {p: version(p) for p in ("libsonata", "h5py")}
print(json.dumps({"versions": versions, "nodes": nodes, "edges": edges, "spikes": spikes}))
