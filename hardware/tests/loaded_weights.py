"""Compares what sPyNNaker loaded onto a virtual board with an export: `python loaded_weights.py EXPORT`, after run_pynn.py spiNNaker.

For every core with neurons: the ring-buffer shifts; for every population: all raw weights, as they lie in the synaptic rows.
"""

import collections
import csv
import json
import pathlib
import sqlite3
import struct
import sys

SYNAPSE_PARAMS, SYN_BLOCKS = 4, 6


def words(content):
    return struct.unpack(f"<{len(content) // 4}I", content)


def rows_of(block):
    """Synaptic words of all rows: 0, number of synapses, 0, words, padding."""
    at = 0
    while at + 3 < len(block):
        zero, count, none = block[at : at + 3]
        if zero == 0 and none == 0 and 0 < count <= 256 and at + 3 + count <= len(block):
            yield from block[at + 3 : at + 3 + count]
            at += 3 + count
        else:
            at += 1


def expected(folder, network, index):
    with open(folder / network["populations"][index]["cells"], newline="", encoding="ascii") as file:
        cells = list(csv.DictReader(file))
    weights = collections.Counter()
    for projection in network["projections"]:
        if projection["post"] != index:
            continue
        column = "init_I" if projection["receptor"] == "inhibitory" else "init_E"
        with open(folder / projection["file"], newline="", encoding="ascii") as file:
            for row in csv.DictReader(file):
                init = float(cells[int(row["post"])].get(column) or 1)
                raw = round(float(row["weight"]) / init / projection["quantum"])
                if raw > 0:
                    weights[raw] += 1
    return weights


def main():
    folder = pathlib.Path(sys.argv[1])
    network = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    run = sorted(folder.glob("reports/*/run_1"))[-1]
    placements = json.loads((run / "json_files/placements.json").read_text(encoding="utf-8"))
    vertex = {(place["x"], place["y"], place["p"]): place["vertex_label"] for place in placements}
    regions = collections.defaultdict(dict)
    query = "select x, y, p, region_num, content from region where content is not null"
    for x, y, p, number, content in sqlite3.connect(run / "ds.sqlite3").execute(query):
        regions[x, y, p][number] = words(content)
    wrong = compared = 0
    for population in network["populations"]:
        if population["model"] == "SpikeSourceArray":
            continue
        mine = [regions[core] for core, label in vertex.items() if label.startswith(population["pynn_label"])]
        mine = [core for core in mine if SYNAPSE_PARAMS in core]
        shifts = [list(core[SYNAPSE_PARAMS][7:9]) for core in mine]
        loaded = collections.Counter(word >> 16 for core in mine for word in rows_of(core.get(SYN_BLOCKS, ())))
        wanted = expected(folder, network, population["index"])
        compared += sum(wanted.values())
        if loaded != wanted or not mine or any(shift != population["ring_buffer_left_shift"] for shift in shifts):
            wrong += 1
            print(f"{population['pynn_label']}: shifts {shifts}, expected {population['ring_buffer_left_shift']};", end=" ")
            print(f"{sum((wanted - loaded).values())} weights missing, {sum((loaded - wanted).values())} too many")
    print(f"{compared} raw weights compared, {wrong} populations differ")
    sys.exit(wrong > 0 or compared == 0)


if __name__ == "__main__":
    main()
