"""Runs the network that lies beside this file on a PyNN back end.

    python run_pynn.py check                  read and verify every file; needs no PyNN
    python run_pynn.py nest                   run the first sample
    python run_pynn.py nest --sample 3        run another
    python run_pynn.py nest --all             run all of them
    python run_pynn.py spiNNaker              the same on a SpiNNaker board; a virtual board maps and loads, and runs nothing

This program is the same for every network. Everything about the network stands in network.json and in the tables that it names;
README.md explains them. Names of populations, neurons and samples are data: they are never executed and never used as paths.
"""

import argparse
import csv
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
BACK_ENDS = {"nest": "nest-simulator", "neuron": "neuron", "brian2": "brian2", "spiNNaker": "sPyNNaker"}
REQUIREMENTS = {"nest": "", "neuron": "-neuron", "brian2": "-brian2", "spiNNaker": "-spinnaker"}
# A neuron that reaches its threshold in the update of step t is said to spike at step t, or at the end of that step.
SPIKES_LATE = {"nest": 1, "neuron": 1, "brian2": 0, "spiNNaker": 0}
# Cell types that a back end lacks, or cannot connect.
LACKING = {("nest", "IF_curr_delta"), ("neuron", "IF_curr_delta")}
CONFIG = "spynnaker.cfg"
COLUMNS = ["what", "step", "population", "neuron", "value"]


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


def sha256(name):
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()


def load():
    """network.json, after every file that it names was found unchanged; the machine's configuration is the user's to edit."""
    with open(FOLDER / "network.json", encoding="utf-8") as file:
        network = json.load(file)
    if network["format"] != "kenyon-pynn" or network["version"] != 1:
        raise Fault("network.json is of a format or version that this program does not know")
    for name, expected in network["files"].items():
        if not (FOLDER / name).is_file():
            raise Fault(f"{name} is missing; export again")
        if name != CONFIG and sha256(name) != expected:
            raise Fault(f"{name} has changed since it was exported; export again")
    return network


def name_of(description):
    """A population as an error names it; control characters of a label are written out."""
    return f"population {description['index']} {json.dumps(description['label'])}"


def check(network):
    """Reads all tables and compares their sizes with network.json."""
    for population in network["populations"]:
        if len(table(population["cells"])["id"]) != population["n"]:
            raise Fault(f"{name_of(population)}: wrong number of cells")
    for projection in network["projections"]:
        if len(table(projection["file"])["pre"]) != projection["synapses"]:
            raise Fault(f"{projection['file']}: wrong number of synapses")
    for sample in network["samples"]:
        if len(table(sample["file"])["step"]) != sample["spikes"]:
            raise Fault(f"{sample['file']}: wrong number of spikes")
    synapses = sum(projection["synapses"] for projection in network["projections"])
    neurons = sum(population["n"] for population in network["populations"])
    print(json.dumps({"neurons": neurons, "synapses": synapses, "samples": len(network["samples"])}))


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def back_end_module(back_end):
    """PyNN's module of the back end, once what it is known to stumble over is ruled out."""
    advice = f"install what this folder was tested with: pip install -r requirements{REQUIREMENTS[back_end]}.txt"
    if importlib.util.find_spec("pyNN") is None:
        raise Fault(f"PyNN is not installed; {advice}")
    if back_end == "neuron" and int((version_of("neuron") or "0").split(".")[0]) > 8:
        raise Fault(f"PyNN 0.13 cannot load its mechanisms into NEURON {version_of('neuron')}; {advice}")
    if back_end == "brian2" and int((version_of("numpy") or "0").split(".")[0]) > 1:
        raise Fault(f"PyNN 0.13 on Brian 2 does not run with numpy {version_of('numpy')}; {advice}")
    if back_end == "spiNNaker":
        check_configuration()
    try:
        return importlib.import_module("pyNN." + back_end)
    except ImportError as error:
        raise Fault(f"the back end {back_end} is not installed ({error}); {advice}") from error


def check_configuration():
    """sPyNNaker's configuration: there must be one at home, and a comment after a value becomes part of the value."""
    home = pathlib.Path.home() / ("." + CONFIG)
    if not home.is_file():
        raise Fault(f"sPyNNaker wants a configuration at home: copy {CONFIG} to {home}")
    for path in [home, FOLDER / CONFIG]:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        for number, line in enumerate(lines, 1):
            value = line.partition("=")[2]
            if not line.lstrip().startswith(("#", ";")) and ("#" in value or ";" in value):
                raise Fault(f"{path}, line {number}: a comment after a value becomes part of it; give it a line of its own")


def check_cells(back_end, network):
    """Refuses cells that the back end does not have."""
    for description in network["populations"]:
        if (back_end, description["model"]) in LACKING:
            raise Fault(f"{name_of(description)}: {description['model']} does not run on {back_end}; take another back end")


def setup(sim, back_end, network):
    """Time step and delays."""
    dt = network["dt_ms"]
    extra = {"spike_precision": "on_grid"} if back_end == "nest" else {}
    if back_end != "spiNNaker":
        extra["max_delay"] = round(max(network["max_delay_steps"], 2) * dt, 6)
    sim.setup(timestep=dt, min_delay=dt, **extra)


def input_times(back_end, network, sample):
    """Spike times in ms of each neuron of each population."""
    spikes = table(sample["file"])
    if back_end == "nest" and spikes["step"] and min(spikes["step"]) < 2:
        raise Fault("NEST takes no spike in its first two steps; export with `--lead-in 2`")
    times = [[[] for _ in range(population["n"])] for population in network["populations"]]
    for step, population, neuron in zip(spikes["step"], spikes["population"], spikes["neuron"]):
        times[population][neuron].append(round(step * network["dt_ms"], 6))
    return times


def for_the_board(network, description):
    """Settings of a population that only sPyNNaker knows."""
    settings = {}
    if description["max_expected_summed_weight"]:
        settings["max_expected_summed_weight"] = description["max_expected_summed_weight"]
    if network["dt_ms"] < 1 and network["core"] == "combined":
        from spynnaker.pyNN.extra_algorithms.splitter_components import SplitterPopulationVertexFixed

        settings["splitter"] = SplitterPopulationVertexFixed()
    return {"additional_parameters": settings}


def build(sim, back_end, network, sample):
    """Populations and projections, with the input of one sample."""
    times = input_times(back_end, network, sample)
    populations, cells = [], []
    for description, sources in zip(network["populations"], times):
        columns = table(description["cells"])
        cells.append(columns)
        if description["model"] == "SpikeSourceArray":
            population = sim.Population(
                description["n"], sim.SpikeSourceArray(spike_times=sources), label=description["pynn_label"]
            )
        else:
            parameters = {name: [float(x) for x in columns[name]] for name in description["parameters"]}
            extra = for_the_board(network, description) if back_end == "spiNNaker" else {}
            cell_type = getattr(sim, description["model"])(**parameters)
            population = sim.Population(description["n"], cell_type, label=description["pynn_label"], **extra)
            population.initialize(v=[float(x) for x in columns["v"]])
        if description["record"]:
            population.record(description["record"])
        populations.append(population)
    for projection in network["projections"]:
        post = network["populations"][projection["post"]]
        rows = synapses(back_end, network, projection, post, cells[projection["post"]])
        if rows:
            sim.Projection(
                populations[projection["pre"]],
                populations[projection["post"]],
                sim.FromListConnector(rows, column_names=["weight", "delay"]),
                synapse_type=sim.StaticSynapse(),
                receptor_type=projection["receptor"],
            )
    return populations


def synapses(back_end, network, projection, post, cells):
    """Rows (pre, post, weight, delay in ms) of a projection.

    Currents that inhibit are below zero in PyNN, conductances are not. SpiNNaker multiplies whatever arrives at a decaying synapse
    by a factor below 1, so its weights are divided by that; those that its 16 bits round to zero are left out.
    """
    columns = table(projection["file"])
    weights = columns["weight"]
    inhibitory = projection["receptor"] == "inhibitory"
    kept = [True] * len(weights)
    if back_end == "spiNNaker":
        init = cells.get("init_I" if inhibitory else "init_E")
        if init:
            weights = [weight / init[target] for weight, target in zip(weights, columns["post"])]
        kept = [round(weight / projection["quantum"]) > 0 for weight in weights]
    sign = -1.0 if inhibitory and post["model"] != "IF_cond_exp" else 1.0
    rows = zip(columns["pre"], columns["post"], weights, columns["delay_steps"], kept)
    return [(pre, to, sign * weight, round(delay * network["dt_ms"], 6)) for pre, to, weight, delay, keep in rows if keep]


def runs_nothing(back_end):
    """Whether the machine is sPyNNaker's virtual board."""
    if back_end != "spiNNaker":
        return False
    from spinn_utilities.config_holder import get_config_bool

    return bool(get_config_bool("Machine", "virtual_board"))


def spikes_of(population, description, back_end, dt):
    """Recorded spikes as (step, neuron), sorted; a spike belongs to the step in whose update the threshold was reached."""
    segments = population.get_data("spikes").segments
    if not segments or len(segments[-1].spiketrains) != description["n"]:
        raise Fault(f"{name_of(description)}: its spikes are missing")
    late = SPIKES_LATE[back_end] if description["model"] != "SpikeSourceArray" else 0
    trains = enumerate(segments[-1].spiketrains)
    return sorted((round(float(time) / dt) - late, neuron) for neuron, train in trains for time in train.rescale("ms").magnitude)


def potential_of(population, description, steps):
    """Recorded potential in units of the trained network: rows of steps, columns of neurons; potential before the step's update."""
    segments = population.get_data("v").segments
    signals = segments[-1].analogsignals if segments else []
    if len(signals) != 1 or signals[0].shape[1] != description["n"] or signals[0].shape[0] < steps:
        raise Fault(f"{name_of(description)}: its potential is missing")
    return (signals[0].rescale("mV").magnitude[:steps] / description["v_scale"]).tolist()


def host_readout(readout, spikes, steps, decision):
    """The readout computed here: flt <- a flt + s W, out <- b out + (1 - b) flt with the old flt.

    A spike of one step is the trained network's of the next. Where spikes are counted, every row is the sum of all weights.
    """
    weights = table(readout["file"])
    fan_out = {}
    for source, post, weight in zip(weights["source"], weights["class"], weights["weight"]):
        fan_out.setdefault(tuple(readout["sources"][source]), []).append((post, weight))
    by_step = {}
    for step, population, neuron in spikes:
        by_step.setdefault(step + 1, []).append((population, neuron))
    if decision == "count":
        total = [0.0] * len(readout["classes"])
        for step, population, neuron in spikes:
            for post, weight in fan_out.get((population, neuron), []) if step + 2 < steps else []:
                total[post] += weight
        return [total] * steps
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


def decide(rows, decision):
    """Value of each class and the class with the largest; the lowest wins a tie. Rows begin after the lead-in."""
    columns = list(zip(*rows))
    # Row 0 is the start, before any input: the mean leaves it out.
    if isinstance(decision, dict):
        window = decision["window"]
        columns, decision = [c[window["from"] : window["to"]] for c in columns], "window"
    how = {
        "max": max,
        "mean": lambda c: sum(c[1:]) / max(len(c) - 1, 1),
        "window": lambda c: sum(c) / len(c),
        "last": lambda c: c[-1],
        "count": lambda c: c[-1],
    }[decision]
    values = [how(column) for column in columns]
    return values, values.index(max(values))


def run(sim, back_end, network, number):
    """Runs one sample; returns its answer and the rows of its result, or none if the machine runs nothing."""
    sample = network["samples"][number]
    dt, steps, lead_in = network["dt_ms"], network["steps"], network["lead_in_steps"]
    setup(sim, back_end, network)
    populations = build(sim, back_end, network, sample)
    sim.run(round(steps * dt, 6))
    if runs_nothing(back_end):
        sim.end()
        return None
    result = {"sample": number, "class": sample["class"], "answer": None, "values": None, "spikes": {}}
    readout, place, recorded = None, "", []
    for population, description in zip(populations, network["populations"]):
        index = description["index"]
        if "spikes" in description["record"]:
            spikes = spikes_of(population, description, back_end, dt)
            result["spikes"][index] = len(spikes)
            recorded += [(step, index, neuron) for step, neuron in spikes]
        if description["role"] == "readout" and "v" in description["record"]:
            readout, place = potential_of(population, description, steps), index
    sim.end()
    recorded.sort()
    if network["host_readout"]:
        readout, place = host_readout(network["host_readout"], recorded, steps, network["decision"]), ""
    table_rows = [("spike", step, index, neuron, "") for step, index, neuron in recorded]
    if readout is not None:
        result["values"], result["answer"] = decide(readout[lead_in:], network["decision"])
        rows = readout[-1:] if network["decision"] == "count" else readout[lead_in:]
        for step, row in enumerate(rows, lead_in):
            table_rows += [("readout", step, place, column, value) for column, value in enumerate(row)]
    return result, table_rows


def main():
    parser = argparse.ArgumentParser(description="Runs the exported network on a PyNN back end.")
    parser.add_argument("back_end", choices=["check", *BACK_ENDS])
    parser.add_argument("--sample", type=int, help="number of the sample, from 0; the first unless given")
    parser.add_argument("--all", action="store_true", help="run every sample")
    options = parser.parse_args()
    network = load()
    count = len(network["samples"])
    number = options.sample or 0
    if (options.back_end != "check" or options.sample is not None) and not 0 <= number < count:
        raise Fault(f"there is no sample {number}: the export holds {count}, numbered from 0")
    if options.back_end == "check":
        check(network)
        return
    back_end = options.back_end
    check_cells(back_end, network)
    sim = back_end_module(back_end)
    # sPyNNaker looks for its configuration, and leaves its reports, where it runs.
    os.chdir(FOLDER)
    results, rows = [], []
    for number in range(count) if options.all else [number]:
        done = run(sim, back_end, network, number)
        if done is None:
            print(f"sample {number}: mapped and loaded onto a virtual board, which runs nothing: there is no result")
            continue
        result, table_rows = done
        print(f"sample {number}: answer {result['answer']}, right {result['class']}, spikes {sum(result['spikes'].values())}")
        results.append(result)
        rows += [(number, *row) for row in table_rows]
    if not results:
        return
    with open(FOLDER / f"result_{back_end}.csv", "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sample", *COLUMNS])
        writer.writerows(rows)
    packages = ["PyNN", BACK_ENDS[back_end], "numpy"]
    report = {
        "back_end": back_end,
        "versions": {package: version_of(package) for package in packages},
        "network_sha256": sha256("network.json"),
        "samples": results,
    }
    with open(FOLDER / f"result_{back_end}.json", "w", encoding="ascii") as file:
        json.dump(report, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    try:
        main()
    except Fault as fault:
        sys.exit(f"run_pynn.py: {fault}")
