"""A hundred-compartment cell with the squid's membrane and 600 synapses: kenyon beside NEURON and Arbor.

The cell: a soma of 20 x 20 um and a dendrite of 990 x 2 um in 99 compartments, Ra 100 ohm cm, 1 uF/cm2, Hodgkin & Huxley's channels
everywhere, 6.3 degC, 0.025 ms steps. 600 exponential synapses (2 ms, 3 nS) lie evenly on the dendrite, each with its own regular events
at 5 Hz. NEURON runs twice: as it comes, its channel interpolates rates on a grid of 1 mV; "exact" computes them, as kenyon and Arbor do.

    cargo bench --no-run -p kenyon -p kenyon-neurons --bench cells
    python cells.py --bench target/release/deps/cells-... [--repeats 3] [--cells 1 64] [--ms 200]

All on one thread; CPU seconds of the run alone. Every tool runs as often as every other, in turn: the median of its runs is compared, the
smallest stands beside it. kenyon runs 64 cells in batches of one size (`--lanes`, 8 unless said otherwise). Fails if the spikes differ, if the
potential at the end differs from exact NEURON's by more than 1e-6 mV in kenyon, or by more than `ARBOR_MV` in Arbor, whose compartments
join otherwise. Needs `neuron==9.0.2 arbor==0.12.2 numpy`.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

COMPARTMENTS, SYNAPSES, INTERVAL_MS, WEIGHT_US, DT_MS = 100, 600, 200.0, 3e-3, 0.025
# How far potentials at the end may lie from exact NEURON's.
KENYON_MV, ARBOR_MV = 1e-6, 0.1


def with_neuron(cells, ms, exact):
    from neuron import h

    h.load_file("stdrun.hoc")
    keep, spikes = [], []
    for _ in range(cells):
        soma, dend = h.Section(), h.Section()
        soma.L = soma.diam = 20
        dend.L, dend.diam, dend.nseg = 990, 2, COMPARTMENTS - 1
        dend.connect(soma(1))
        for section in (soma, dend):
            section.Ra, section.cm = 100, 1
            section.insert("hh")
        for k in range(SYNAPSES):
            synapse, source = h.ExpSyn(dend((k + 0.5) / SYNAPSES)), h.NetStim()
            synapse.tau, synapse.e = 2, 0
            source.start, source.interval, source.number, source.noise = INTERVAL_MS * k / SYNAPSES, INTERVAL_MS, 1e9, 0
            line = h.NetCon(source, synapse)
            line.delay, line.weight[0] = 0.1, WEIGHT_US
            keep.append((synapse, source, line))
        detector, times = h.NetCon(soma(0.5)._ref_v, None, sec=soma), h.Vector()
        detector.threshold = 0
        detector.record(times)
        keep.append((soma, dend, detector))
        spikes.append(times)
    h.usetable_hh = 0 if exact else 1
    h.celsius, h.dt = 6.3, DT_MS
    h.stdinit()
    h.finitialize(-65)
    start = time.process_time()
    h.continuerun(ms)
    return time.process_time() - start, len(spikes[0]), keep[SYNAPSES][0](0.5).v


def with_arbor(cells, ms):
    import arbor as A
    import numpy as np
    from arbor import units as U

    tree = A.segment_tree()
    soma = tree.append(A.mnpos, A.mpoint(-10, 0, 0, 10), A.mpoint(10, 0, 0, 10), tag=1)
    tree.append(soma, A.mpoint(10, 0, 0, 1), A.mpoint(1000, 0, 0, 1), tag=3)
    labels = A.label_dict({"soma": "(tag 1)", "dend": "(tag 3)", "mid": "(location 0 0.01)"})
    decor = A.decor()
    decor.set_property(Vm=-65 * U.mV, cm=0.01 * U.F / U.m2, rL=100 * U.Ohm * U.cm, tempK=279.45 * U.Kelvin)
    decor.set_ion("na", rev_pot=50 * U.mV)
    decor.set_ion("k", rev_pot=-77 * U.mV)
    decor.paint("(all)", A.density("hh", {"gnabar": 0.12, "gkbar": 0.036, "gl": 0.0003, "el": -54.3}))
    for k in range(SYNAPSES):
        x = (20.0 + 990.0 * (k + 0.5) / SYNAPSES) / 1010.0
        decor.place(f"(location 0 {x:.8f})", A.synapse("expsyn", {"tau": 2.0, "e": 0.0}), f"s{k}")
    policy = A.cv_policy_single('"soma"') | A.cv_policy_fixed_per_branch(COMPARTMENTS - 1, '"dend"')
    cell = A.cable_cell(tree, decor, labels, policy)

    class Recipe(A.recipe):
        def num_cells(self):
            return cells

        def cell_kind(self, gid):
            return A.cell_kind.cable

        def cell_description(self, gid):
            return cell

        def global_properties(self, kind):
            return A.neuron_cable_properties()

        def event_generators(self, gid):
            times = [np.arange(INTERVAL_MS * k / SYNAPSES + 0.1, ms, INTERVAL_MS) for k in range(SYNAPSES)]
            return [A.event_generator(f"s{k}", WEIGHT_US, A.explicit_schedule([float(t) * U.ms for t in times[k]]))
                    for k in range(SYNAPSES) if len(times[k])]

        def probes(self, gid):
            return [A.cable_probe_membrane_voltage('"mid"', "v")] if gid == 0 else []

    recipe, context = Recipe(), A.context(threads=1)
    simulation = A.simulation(recipe, context, A.partition_load_balance(recipe, context))
    handle = simulation.sample((0, "v"), A.regular_schedule(0.1 * U.ms))
    start = time.process_time()
    simulation.run(ms * U.ms, DT_MS * U.ms)
    seconds = time.process_time() - start
    v = simulation.samples(handle)[0][0][:, 1]
    return seconds, int(((v[1:] > 0) & (v[:-1] <= 0)).sum()), float(v[-1])


def peer(name, cells, ms):
    seconds, spikes, v_end = with_arbor(cells, ms) if name == "arbor" else with_neuron(cells, ms, name == "neuron exact")
    print(json.dumps({"seconds": seconds, "spikes": spikes, "v_end": v_end}))


def run(command, environment=None):
    """Standard output of a command; ends with its errors if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def with_kenyon(bench, cells, lanes, ms):
    text = run([bench, "hh", "--ms", str(ms), "--iters", "1", "--lanes", str(lanes)])
    runs = [r for r in map(json.loads, text.splitlines()) if r["cells"] == cells]
    if not runs:
        sys.exit(f"the bench has no run of {cells} cells in batches of {lanes}: it knows 1 cell alone, and 64 in batches of 8, 16 or 64")
    return {
        "kenyon, tables" if r["tables"] else "kenyon":
            {"seconds": r["cpu_s_per_simulated_s_and_cell"] * cells * ms / 1e3, "spikes": r["spikes"], "v_end": r["v_end_mv"]}
        for r in runs
    }


def check(cells, runs):
    """Ends if the tools do not tell the same story."""
    v_end = runs["neuron exact"][0]["v_end"]
    told = {name: sorted({(r["spikes"], r["v_end"]) for r in of}) for name, of in runs.items()}
    spikes = {r["spikes"] for of in runs.values() for r in of}
    far = {name: max(abs(r["v_end"] - v_end) for r in runs[name]) for name in ("kenyon", "arbor")}
    # A comparison with a NaN is false: asked the other way round, it fails.
    if len(spikes) != 1 or not (far["kenyon"] <= KENYON_MV and far["arbor"] <= ARBOR_MV):
        sys.exit(f"{cells} cells: the tools disagree (spikes, potential at the end): {json.dumps(told, indent=1)}")


def compare(options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    for cells in options.cells:
        lanes = 1 if cells == 1 else options.lanes
        runs = {}
        for _ in range(options.repeats):
            # Interleaved, so that a busy moment of the machine hits all alike.
            found = with_kenyon(options.bench, cells, lanes, options.ms)
            for name in ("neuron", "neuron exact", "arbor"):
                command = [sys.executable, __file__, "--peer", name, "--cells", str(cells), "--ms", str(options.ms)]
                found[name] = json.loads(run(command, environment).splitlines()[-1])
            for name, one in found.items():
                runs.setdefault(name, []).append(one)
        check(cells, runs)
        per_s = {name: [r["seconds"] / cells / options.ms * 1e3 for r in of] for name, of in runs.items()}
        print(f"{cells} cells, kenyon in batches of {lanes}, {options.repeats} runs each: CPU s per simulated s and cell")
        for name, seconds in per_s.items():
            ratio = statistics.median(seconds) / statistics.median(per_s["kenyon"])
            print(f"  {name:15} median {statistics.median(seconds):8.4f}  smallest {min(seconds):8.4f}  {ratio:6.2f} x  "
                  f"{runs[name][0]['spikes']} spikes, {runs[name][0]['v_end']:.6f} mV")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", help="the built bench `cells`")
    parser.add_argument("--cells", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--lanes", type=int, choices=[8, 16, 64], default=8, help="kenyon's cells side by side, of more than one")
    parser.add_argument("--ms", type=float, default=200.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", choices=["neuron", "neuron exact", "arbor"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        peer(given.peer, given.cells[0], given.ms)
    elif given.bench:
        compare(given)
    else:
        parser.error("--bench is needed")
