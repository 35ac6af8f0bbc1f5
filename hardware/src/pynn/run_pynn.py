"""Runs the network that lies beside this file on a PyNN back end.

    python run_pynn.py check                  read and verify every file; needs no PyNN
    python run_pynn.py nest                   run the first sample
    python run_pynn.py nest --sample 3        run another
    python run_pynn.py nest --all             run all of them
    python run_pynn.py spiNNaker --map-only   map and load, read nothing back (a virtual board runs nothing)

This program is the same for every network. Everything about the network stands in network.json and in the tables that it names;
README.md explains them. Names of populations, neurons and samples are data: they are never executed and never used as paths.
"""

import argparse
import csv
import hashlib
import importlib
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
BACK_ENDS = ["nest", "neuron", "brian2", "spiNNaker"]
PARAMETERS = ["tau_m", "cm", "tau_syn_E", "tau_syn_I", "i_offset", "v_rest", "v_reset", "v_thresh", "tau_refrac"]


class Fault(Exception):
    """Something that makes the result worthless; its text is for people."""


def table(name):
    """Columns of a table as lists of numbers; whole numbers stay whole, so that ids keep every digit."""
    path = FOLDER / name
    if path.suffix == ".npz":
        import numpy

        with numpy.load(path) as arrays:
            return {key: arrays[key].tolist() for key in arrays.files}
    with open(path, newline="", encoding="ascii") as file:
        rows = csv.reader(file)
        header = next(rows)
        columns = {key: [] for key in header}
        for row in rows:
            for key, text in zip(header, row, strict=True):
                columns[key].append(int(text) if text.lstrip("-").isdigit() else float(text))
    return columns


def load():
    """network.json, after every file that it names was found unchanged."""
    with open(FOLDER / "network.json", encoding="utf-8") as file:
        network = json.load(file)
    if network["format"] != "kenyon-pynn" or network["version"] != 1:
        raise Fault("network.json is of a format or version that this program does not know")
    for name, sha256 in network["files"].items():
        found = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
        if found != sha256:
            raise Fault(f"{name} has changed since it was exported; export again")
    return network


def check(network):
    """Reads all tables and compares their sizes with network.json."""
    for population in network["populations"]:
        if len(table(population["cells"])["id"]) != population["n"]:
            raise Fault(f"population {population['index']}: wrong number of cells")
    for projection in network["projections"]:
        if len(table(projection["file"])["pre"]) != projection["synapses"]:
            raise Fault(f"{projection['file']}: wrong number of synapses")
    for sample in network["samples"]:
        if len(table(sample["file"])["step"]) != sample["spikes"]:
            raise Fault(f"{sample['file']}: wrong number of spikes")
    synapses = sum(projection["synapses"] for projection in network["projections"])
    neurons = sum(population["n"] for population in network["populations"])
    print(json.dumps({"neurons": neurons, "synapses": synapses, "samples": len(network["samples"])}))


def setup(sim, back_end, network):
    """Time step and delays."""
    dt = network["dt_ms"]
    extra = {"spike_precision": "on_grid"} if back_end == "nest" else {}
    sim.setup(timestep=dt, min_delay=dt, max_delay=max(network["max_delay_steps"], 2) * dt, **extra)


def build(sim, network, sample):
    """Populations and projections, with the input of one sample."""
    dt = network["dt_ms"]
    spikes = table(sample["file"])
    times = [[[] for _ in range(population["n"])] for population in network["populations"]]
    for step, population, neuron in zip(spikes["step"], spikes["population"], spikes["neuron"]):
        times[population][neuron].append(round(step * dt, 6))
    populations = []
    for description, sources in zip(network["populations"], times):
        if description["model"] == "SpikeSourceArray":
            cells = sim.SpikeSourceArray(spike_times=sources)
            population = sim.Population(description["n"], cells, label=description["pynn_label"])
        else:
            columns = table(description["cells"])
            cells = sim.IF_curr_exp(**{name: columns[name] for name in PARAMETERS})
            population = sim.Population(description["n"], cells, label=description["pynn_label"])
            population.initialize(v=columns["v"])
        if description["record"]:
            population.record(description["record"])
        populations.append(population)
    for projection in network["projections"]:
        columns = table(projection["file"])
        # Current-based synapses: PyNN wants inhibitory weights below zero.
        sign = -1.0 if projection["receptor"] == "inhibitory" else 1.0
        rows = [
            (pre, post, sign * weight, round(delay * dt, 6))
            for pre, post, weight, delay in zip(columns["pre"], columns["post"], columns["weight"], columns["delay_steps"])
        ]
        sim.Projection(
            populations[projection["pre"]],
            populations[projection["post"]],
            sim.FromListConnector(rows, column_names=["weight", "delay"]),
            synapse_type=sim.StaticSynapse(),
            receptor_type=projection["receptor"],
        )
    return populations


def spikes_of(population, description, dt):
    """Recorded spikes as (step, neuron), sorted."""
    segments = population.get_data("spikes").segments
    if not segments or len(segments[-1].spiketrains) != description["n"]:
        raise Fault(f"population {description['index']} ({description['pynn_label']}): its spikes are missing")
    trains = segments[-1].spiketrains
    return sorted((round(float(time) / dt), neuron) for neuron, train in enumerate(trains) for time in train.rescale("ms").magnitude)


def potential_of(population, description):
    """Recorded potential in units of the trained network: rows of time, columns of neurons."""
    segments = population.get_data("v").segments
    signals = segments[-1].analogsignals if segments else []
    if len(signals) != 1 or signals[0].shape[1] != description["n"] or signals[0].shape[0] == 0:
        raise Fault(f"population {description['index']} ({description['pynn_label']}): its potential is missing")
    return (signals[0].rescale("mV").magnitude / description["v_scale"]).tolist()


def host_readout(readout, spikes, steps):
    """The readout computed here: flt <- a flt + s W, out <- b out + (1 - b) flt with the old flt.

    A spike of one step is the trained network's of the next.
    """
    weights = table(readout["file"])
    fan_out = {}
    for source, post, weight in zip(weights["source"], weights["class"], weights["weight"]):
        fan_out.setdefault(tuple(readout["sources"][source]), []).append((post, weight))
    by_step = {}
    for step, population, neuron in spikes:
        by_step.setdefault(step + 1, []).append((population, neuron))
    a, b = readout["decay_syn"], readout["decay_mem"]
    filtered, out = [0.0] * len(readout["classes"]), [0.0] * len(readout["classes"])
    rows = [out]
    for step in range(steps - 1):
        out = [b * o + (1.0 - b) * f for o, f in zip(out, filtered)]
        filtered = [a * f for f in filtered]
        for neuron in by_step.get(step, []):
            for post, weight in fan_out.get(neuron, []):
                filtered[post] += weight
        rows.append(out)
    return rows


def decide(rows, decision, lead_in):
    """Value of each class and the class with the largest; the lowest wins a tie."""
    rows = rows[lead_in:]
    columns = list(zip(*rows))
    # Row 0 is the start, before any input: the mean leaves it out.
    how = {"max": max, "mean": lambda c: sum(c[1:]) / (len(c) - 1), "last": lambda c: c[-1]}[decision]
    values = [how(column) for column in columns]
    return values, values.index(max(values))


def write(name, header, rows):
    """A table of results."""
    with open(FOLDER / name, "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def run(back_end, network, number, map_only):
    """Runs one sample; returns what the network answered."""
    sim = importlib.import_module("pyNN." + back_end)
    sample = network["samples"][number]
    dt = network["dt_ms"]
    setup(sim, back_end, network)
    populations = build(sim, network, sample)
    sim.run(network["steps"] * dt)
    result = {"sample": number, "class": sample["class"], "answer": None, "values": None, "spikes": {}}
    if map_only:
        sim.end()
        return result
    rows, recorded = None, []
    for population, description in zip(populations, network["populations"]):
        index = description["index"]
        if "spikes" in description["record"]:
            spikes = spikes_of(population, description, dt)
            result["spikes"][index] = len(spikes)
            recorded += [(step, index, neuron) for step, neuron in spikes]
        if description["role"] == "readout" and "v" in description["record"]:
            rows = potential_of(population, description)
    sim.end()
    if network["host_readout"]:
        rows = host_readout(network["host_readout"], recorded, network["steps"])
    write(f"result_{back_end}_{number}_spikes.csv", ["step", "population", "neuron"], sorted(recorded))
    if rows is not None:
        result["values"], result["answer"] = decide(rows, network["decision"], network["lead_in_steps"])
        write(f"result_{back_end}_{number}_readout.csv", [f"class_{c}" for c in range(len(rows[0]))], rows)
    return result


def main():
    parser = argparse.ArgumentParser(description="Runs the exported network on a PyNN back end.")
    parser.add_argument("back_end", choices=["check"] + BACK_ENDS)
    parser.add_argument("--sample", type=int, default=0, help="number of the sample, from 0")
    parser.add_argument("--all", action="store_true", help="run every sample")
    parser.add_argument("--map-only", action="store_true", help="do not read results back")
    options = parser.parse_args()
    network = load()
    if options.back_end == "check":
        check(network)
        return
    count = len(network["samples"])
    if not options.all and not 0 <= options.sample < count:
        raise Fault(f"there is no sample {options.sample}: the export holds {count}")
    numbers = range(count) if options.all else [options.sample]
    results = [run(options.back_end, network, number, options.map_only) for number in numbers]
    with open(FOLDER / f"result_{options.back_end}.json", "w", encoding="ascii") as file:
        json.dump(results, file, indent=1)
    for result in results:
        print(f"sample {result['sample']}: answer {result['answer']}, right {result['class']}, spikes {result['spikes']}")


if __name__ == "__main__":
    try:
        main()
    except Fault as fault:
        sys.exit(f"run_pynn.py: {fault}")
