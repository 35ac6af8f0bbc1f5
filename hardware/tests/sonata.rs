//! SONATA: the layout of the files, and that the network comes back.

mod networks;

use std::time::{Duration, Instant};

use kenyon_base::{PlainFile, PlainWriter};
use kenyon_hardware::{
    CellKind, Cells, Deployment, HostReadout, Neurons, Population, Projection, Receptor, Role, Synapse, Variable, sonata,
};
use networks::random;

#[test]
fn a_network_comes_back_as_it_was() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut d = random(3, 50);
    d.populations[1].label = "uPN'); import os #\n../../x".into();
    d.populations[2].names = (0..d.populations[2].ids.len()).map(|i| format!("KCg-m é {i}")).collect();
    d.host_readout = Some(HostReadout {
        sources: vec![(2, 0), (2, 3)],
        classes: vec!["water".into()],
        decay_syn: 0.9,
        decay_mem: 0.95,
        weights: vec![(0, 0, 0.1), (1, 0, -1e-300)],
    });
    d.sources.push(("circuit.h5".into(), "ab".into()));
    d.check().expect("sound");
    let folder = dir.path().join("sonata");
    let done = sonata::export(&d, &folder).expect("written");
    assert_eq!((done.edges, done.samples), (d.synapses(), 1));
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|f| f.expect("read").file_name().into_string().expect("UTF-8"))
        .collect();
    files.sort();
    assert_eq!(files, done.files);
    assert_eq!(sonata::read(&folder).expect("read"), d);
    assert_eq!(sonata::export(&d, &folder).expect_err("is there").code(), "not-empty");
}

#[test]
fn files_have_the_layout_of_sonata() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let d = random(4, 50);
    let folder = dir.path().join("sonata");
    sonata::export(&d, &folder).expect("written");
    for name in ["nodes.h5", "edges.h5", "spikes_0.h5"] {
        let file = PlainFile::open(&folder.join(name)).expect("opened");
        assert_eq!(file.attribute::<u32>("/", "magic").expect("there"), [0x0A7A]);
        assert_eq!(file.attribute::<u32>("/", "version").expect("there").len(), 2);
    }
    let nodes = PlainFile::open(&folder.join("nodes.h5")).expect("opened");
    assert_eq!(nodes.members("nodes"), ["KC_2", "ORN_0", "readout_3", "uPN_1"]);
    assert_eq!(nodes.read::<u64>("nodes/KC_2/0/root_id").expect("u64").1, d.populations[2].ids);
    let edges = PlainFile::open(&folder.join("edges.h5")).expect("opened");
    let name = "edges/uPN_1__KC_2";
    assert_eq!(edges.attribute_texts(&format!("{name}/source_node_id"), "node_population").expect("there"), ["uPN_1"]);
    assert_eq!(edges.attribute_texts(&format!("{name}/target_node_id"), "node_population").expect("there"), ["KC_2"]);
    let column = |field: &str| edges.read::<u64>(&format!("{name}/{field}")).expect("there").1;
    let (source, target) = (column("source_node_id"), column("target_node_id"));
    let weight = edges.read::<f64>(&format!("{name}/0/syn_weight")).expect("there").1;
    let delay = edges.read::<f64>(&format!("{name}/0/delay")).expect("there").1;
    let inhibitory = column("edge_type_id");
    assert!(weight.iter().zip(&inhibitory).all(|(w, i)| (*w < 0.0) == (*i == 1)) && inhibitory.contains(&1));
    assert!(delay.iter().all(|d| [4.0, 8.0].contains(d)), "ms, not steps");
    for (direction, ids) in [("source_to_target", &source), ("target_to_source", &target)] {
        let ranges = column(&format!("indices/{direction}/node_id_to_ranges"));
        let edges = column(&format!("indices/{direction}/range_to_edge_id"));
        for node in 0..12_u64 {
            let rows = ranges[2 * node as usize]..ranges[2 * node as usize + 1];
            let found: Vec<u64> = rows.flat_map(|row| edges[2 * row as usize]..edges[2 * row as usize + 1]).collect();
            let wanted: Vec<u64> = (0..ids.len() as u64).filter(|e| ids[*e as usize] == node).collect();
            assert_eq!(found, wanted, "{direction} of node {node}");
        }
    }
    let spikes = PlainFile::open(&folder.join("spikes_0.h5")).expect("opened");
    let times = spikes.read::<f64>("spikes/ORN_0/timestamps").expect("there").1;
    assert!(times.is_sorted() && times.len() == d.samples[0].spikes.len());
    assert_eq!(spikes.attribute_texts("spikes/ORN_0/timestamps", "units").expect("there"), ["ms"]);
}

#[test]
fn files_that_are_none_are_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = dir.path().join("sonata");
    sonata::export(&random(5, 30), &folder).expect("written");
    let other = PlainWriter::create(&folder.join("edges.h5")).expect("created");
    other.attribute("/", "magic", &[], &[1_u32]).expect("written");
    other.finish().expect("finished");
    assert_eq!(sonata::read(&folder).expect_err("another magic").code(), "sonata-magic");
    std::fs::write(folder.join("kenyon.json"), "{}").expect("written");
    assert_eq!(sonata::read(&folder).expect_err("no deployment").code(), "sonata-json");
}

#[test]
fn five_million_edges_take_seconds() {
    let (n, fan_out) = (20_000_u32, 250_u32);
    let one = |v: f64| vec![v; n as usize];
    let cells = Neurons {
        kind: CellKind::CurrExp,
        tau_m_ms: one(20.0),
        cm_nf: one(20.0),
        i_offset_na: one(0.0),
        v_rest_mv: one(0.0),
        v_reset_mv: one(0.0),
        v_thresh_mv: one(1.0),
        tau_refrac_ms: one(1.0),
        v_init_mv: one(0.0),
        tau_syn_e_ms: one(5.0),
        tau_syn_i_ms: one(5.0),
        ..Neurons::default()
    };
    let mut d = Deployment::new("large", 1.0, 10);
    d.add(Population {
        label: "KC".into(),
        role: Role::Hidden,
        ids: (0..u64::from(n)).collect(),
        names: Vec::new(),
        cells: Cells::Neurons(Box::new(cells)),
        record: vec![Variable::Spikes],
        v_scale: 1.0,
    });
    let of = |pre: u32| (0..fan_out).map(move |k| Synapse { pre, post: (pre + 79 * k) % n, weight: 0.01, delay_steps: 2.0 });
    d.projections.push(Projection { pre: 0, post: 0, receptor: Receptor::Excitatory, synapses: (0..n).flat_map(of).collect() });
    let dir = tempfile::tempdir().expect("a temporary folder");
    let started = Instant::now();
    let done = sonata::export(&d, &dir.path().join("sonata")).expect("written");
    let took = started.elapsed();
    eprintln!("{} edges in {took:?}", done.edges);
    assert_eq!(done.edges, 5_000_000);
    assert!(took < Duration::from_secs(60), "{took:?}");
}
