"""From a whole-brain Codex dump to the olfactory circuit: kenyon beside pandas + scipy and polars + scipy.

Work, the same for all: read connections.csv.gz and consolidated_cell_types.csv.gz, sum synapses over neuropils per pair, keep pairs
of at least 5, join cell types, take the sub-graph of seven populations, make its two sparse blocks (receptor neurons -> others, among
the others). kenyon does more: it checks every field, hashes the files and writes the pack and the circuit to disk.

    python ingest.py --kenyon PATH [--dir DIR] [--repeats 3] [--threads 1]
"""
import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

# First match wins; kenyon gets the same expressions as queries.
POPULATIONS = [("ORN", "^ORN_"), ("PN", "[a-z]PN"), ("LN", "^[lv]LN"), ("KC", "^KC"), ("APL", "^APL$"),
               ("MBON", "^MBON"), ("DAN", "^PAM|^PPL")]
THRESHOLD = 5


def classes(types):
    import numpy as np

    patterns = [re.compile(p) for _, p in POPULATIONS]
    known = {}
    out = np.zeros(len(types), np.int8)
    for i, name in enumerate(types):
        if name not in known:
            text = name if isinstance(name, str) else ""
            known[name] = next((k for k, p in enumerate(patterns, 1) if p.search(text)), 0)
        out[i] = known[name]
    return out


def blocks(pre, post, count, cls, n):
    """Check values of the circuit, from aligned arrays of its pairs and the class of every neuron."""
    import numpy as np
    import scipy.sparse as sp

    full = sp.csr_matrix((count, (pre, post)), shape=(n, n))
    inside = (cls[pre] > 0) & (cls[post] > 0)
    # As in kenyon: nothing among receptor neurons, nothing back onto them.
    inside &= cls[post] != 1
    circuit = sp.csr_matrix((count[inside], (pre[inside], post[inside])), shape=(n, n))
    inputs, hidden = np.flatnonzero(cls == 1), np.flatnonzero(cls > 1)
    return {"pairs": int(full.nnz), "circuit_pairs": int(circuit.nnz), "circuit_synapses": int(circuit.sum()),
            "input_block": int(circuit[inputs][:, hidden].nnz), "recurrent_block": int(circuit[hidden][:, hidden].nnz)}


def with_pandas(folder):
    import numpy as np
    import pandas as pd

    table = pd.read_csv(f"{folder}/connections.csv.gz")
    types = pd.read_csv(f"{folder}/consolidated_cell_types.csv.gz", usecols=["root_id", "primary_type"])
    table = table[table.pre_root_id != table.post_root_id]
    pairs = table.groupby(["pre_root_id", "post_root_id"], sort=False).agg(n=("syn_count", "sum"), nt=("nt_type", "first")).reset_index()
    pairs = pairs[pairs.n >= THRESHOLD]
    types["cls"] = classes(types.primary_type.tolist())
    by_id = types.set_index("root_id")
    pairs = pairs.join(by_id.add_prefix("pre_"), on="pre_root_id").join(by_id.add_prefix("post_"), on="post_root_id")
    ids = np.unique(np.concatenate([pairs.pre_root_id.values, pairs.post_root_id.values]))
    pre, post = np.searchsorted(ids, pairs.pre_root_id.values), np.searchsorted(ids, pairs.post_root_id.values)
    cls = by_id.cls.reindex(ids).fillna(0).astype(np.int8).values
    return {"rows": len(table), **blocks(pre, post, pairs.n.values, cls, len(ids))}


def with_polars(folder):
    import numpy as np
    import polars as pl

    table = pl.read_csv(f"{folder}/connections.csv.gz").filter(pl.col("pre_root_id") != pl.col("post_root_id"))
    types = pl.read_csv(f"{folder}/consolidated_cell_types.csv.gz").select("root_id", "primary_type")
    pairs = (table.lazy().group_by("pre_root_id", "post_root_id")
             .agg(pl.col("syn_count").sum().alias("n"), pl.col("nt_type").first()).filter(pl.col("n") >= THRESHOLD).collect())
    types = types.with_columns(pl.Series("cls", classes(types["primary_type"].to_list())))
    for end in ("pre", "post"):
        pairs = pairs.join(types.rename({"primary_type": f"{end}_type", "cls": f"{end}_cls"}), left_on=f"{end}_root_id",
                           right_on="root_id", how="left")
    before, after, count = (pairs[c].to_numpy() for c in ("pre_root_id", "post_root_id", "n"))
    ids = np.unique(np.concatenate([before, after]))
    by_id = dict(zip(types["root_id"].to_list(), types["cls"].to_list()))
    cls = np.array([by_id.get(i, 0) for i in ids.tolist()], np.int8)
    return {"rows": table.height, **blocks(np.searchsorted(ids, before), np.searchsorted(ids, after), count, cls, len(ids))}


def peer(name, folder, threads):
    for key in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[key] = str(threads)
    start = time.process_time()
    found = with_pandas(folder) if name == "pandas" else with_polars(folder)
    # The cost of importing the libraries is not charged to them beyond what they load on first use.
    print(json.dumps({"check": found, "cpu_s": time.process_time() - start,
                      "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def child(command):
    """Runs a command; returns its standard output, CPU seconds and peak memory in MiB."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"failed: {' '.join(command)}")
        out.seek(0)
        return out.read().decode(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def with_kenyon(binary, folder, work, threads):
    pack, circuit, config = f"{work}/fly.h5", f"{work}/circuit.h5", f"{work}/circuit.toml"
    with open(config, "w") as f:
        f.write(f"[threshold]\nmin = {THRESHOLD}\n[selection]\ninputs = 'type ~ \"^ORN_\"'\nunconnected = \"keep\"\n")
        for name, pattern in POPULATIONS:
            f.write(f"[[population]]\nname = \"{name}\"\nquery = 'type ~ \"{pattern}\"'\n")
    shared = ["--json", "--quiet", "--threads", str(threads)]
    text, import_s, import_mib = child([binary, "connectome", "import", folder, "-o", pack, *shared])
    built, build_s, build_mib = child([binary, "circuit", "build", config, "--connectome", pack, "-o", circuit, *shared])
    report, circuit_report = json.loads(text), json.loads(built)
    from_inputs = sum(p["pairs"] for p in circuit_report["projections"] if p["pre"] == "ORN")
    # Pairs of the whole brain at the threshold: asked of kenyon once more, outside the measurement.
    counted, _, _ = child([binary, "connectome", "import", folder, "-o", f"{work}/t.h5", "--min-synapses", str(THRESHOLD), *shared])
    check = {"rows": report["rows"], "pairs": json.loads(counted)["pairs"], "circuit_pairs": circuit_report["pairs"],
             "circuit_synapses": circuit_report["synapses"], "input_block": from_inputs,
             "recurrent_block": circuit_report["pairs"] - from_inputs}
    return {"check": check, "cpu_s": import_s + build_s, "import_s": import_s, "circuit_s": build_s,
            "peak_mib": max(import_mib, build_mib)}


def compare(options):
    with tempfile.TemporaryDirectory() as work:
        folder = options.dir
        if folder is None:
            folder = f"{work}/dump"
            child([options.kenyon, "connectome", "synth", "--seed", "1", "--background-neurons", "139255", "--rows", "5240000", "-o", folder,
                   "--quiet"])
            # What the peers do not read, kenyon shall not have to read either.
            for other in os.listdir(folder):
                path = f"{folder}/{other}"
                if os.path.isdir(path):
                    shutil.rmtree(path)
                elif other not in ("connections.csv.gz", "consolidated_cell_types.csv.gz"):
                    os.remove(path)
        best = {}
        for _ in range(options.repeats):
            # Interleaved, so that a busy moment of the machine hits all alike.
            for name in ("kenyon", "pandas", "polars"):
                if name == "kenyon":
                    run = with_kenyon(options.kenyon, folder, work, options.threads)
                else:
                    text, _, _ = child([sys.executable, __file__, "--peer", name, "--dir", folder, "--threads", str(options.threads)])
                    run = json.loads(text)
                if name not in best or run["cpu_s"] < best[name]["cpu_s"]:
                    best[name] = run
        if any(run["check"] != best["kenyon"]["check"] for run in best.values()):
            sys.exit(f"the tools disagree: {json.dumps({name: run['check'] for name, run in best.items()}, indent=1)}")
        for name, run in best.items():
            print(f"{name:8} {run['cpu_s']:6.2f} CPU s  {run['peak_mib']:6.0f} MiB  {run['cpu_s'] / best['kenyon']['cpu_s']:5.2f} x")
        print(json.dumps(best))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kenyon", help="the kenyon binary")
    parser.add_argument("--dir", help="an existing dump instead of a generated one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peer", choices=["pandas", "polars"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        peer(given.peer, given.dir, given.threads)
    elif given.kenyon:
        compare(given)
    else:
        parser.error("--kenyon is needed")
