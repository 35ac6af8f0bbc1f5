//! What one instance of each channel and receptor costs in a step.
//!
//! ```text
//! cargo bench --profile dev -p kenyon -p kenyon-neurons --bench mechanisms -- [--iters N] [--lanes N]
//! ```
//!
//! (Naming the core as well gives the crates the features that it builds them with, AVX-512 among them.) 1024 instances on
//! nodes with gaps, in one cell and in a batch of `--lanes` (8). Prints one JSON line: nanoseconds for one instance of one cell
//! of the currents, of the advance of the gates with exact rates, and of the same from a table; the smallest over the iterations.

use std::io::Write;
use std::time::Instant;

use kenyon_neurons::biophysical::mechanism::{
    CHANNELS, Calcium, CalciumPool, Environment, Grid, Instance, Mechanism, PoolInstance,
};
use kenyon_neurons::biophysical::synapse::{ReceptorBlock, ReceptorInstance, synapse_set};
use kenyon_neurons::biophysical::{Lanes, Real};
use serde_json::{Map, Value, json};

const INSTANCES: u32 = 1024;
const DT_MS: f64 = 0.025;

/// Every sixth node is a far end without membrane, as in a branched cell.
fn node(i: u32) -> u32 {
    i + i / 5
}

fn nodes() -> usize {
    node(INSTANCES) as usize
}

struct Bench {
    iters: usize,
    lanes: usize,
}

impl Bench {
    /// The smallest time of `work` over the iterations, ns per instance and lane.
    fn time(&self, mut work: impl FnMut()) -> f64 {
        const REPEATS: usize = 20;
        let mut best = f64::INFINITY;
        for _ in 0..self.iters {
            let start = Instant::now();
            for _ in 0..REPEATS {
                work();
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        (best / REPEATS as f64 / f64::from(INSTANCES) / self.lanes as f64 * 1e11).round() / 100.0
    }

    fn voltages(&self) -> Vec<f64> {
        (0..nodes() * self.lanes).map(|i| -80.0 + 60.0 * ((i as f64 * 0.618_033_988_749_895) % 1.0)).collect()
    }

    fn sums(&self) -> [Vec<f64>; 2] {
        [vec![0.0; nodes() * self.lanes], vec![0.0; nodes() * self.lanes]]
    }

    fn channel(&self, block: &mut dyn Mechanism) -> Value {
        let v = self.voltages();
        let mut calcium = Calcium::new(nodes(), self.lanes);
        let [mut rhs, mut diag] = self.sums();
        block.init(&v, &calcium);
        let currents = self.time(|| block.add_currents(&v, &mut calcium, &mut rhs, &mut diag));
        let advance = self.time(|| block.advance(&v, &calcium, DT_MS));
        let tabulated = !block.use_table(Grid::default(), DT_MS).expect("a good grid").is_empty();
        let table = tabulated.then(|| self.time(|| block.advance(&v, &calcium, DT_MS)));
        json!({ "currents_ns": currents, "advance_ns": advance, "table_ns": table })
    }

    fn receptor(&self, block: &mut ReceptorBlock) -> Value {
        let v = self.voltages();
        let [mut rhs, mut diag] = self.sums();
        for instance in 0..INSTANCES as usize {
            block.deliver(instance, 0, 1.0);
        }
        let currents = self.time(|| block.add_currents(&v, &mut rhs, &mut diag));
        let advance = self.time(|| block.advance(DT_MS));
        json!({ "currents_ns": currents, "advance_ns": advance })
    }

    fn all(&self) -> Value {
        let mut out = Map::new();
        let places: Vec<_> =
            (0..INSTANCES).map(|i| Instance { node: node(i), area_um2: 100.0, gbar_s_cm2: 1e-3, reversal_mv: -80.0 }).collect();
        for info in &CHANNELS {
            let mut block = info.build(&Environment::default(), &places, self.lanes);
            out.insert(info.name.into(), self.channel(&mut *block));
        }
        let pools: Vec<_> = (0..INSTANCES).map(|i| PoolInstance::new(node(i), 5e-4, 80.0)).collect();
        let mut pool = CalciumPool::new(&pools, self.lanes, 34.0, 2.0);
        let mut calcium = Calcium::new(nodes(), self.lanes);
        let reversal = self.time(|| pool.start_step(&mut calcium));
        let advance = self.time(|| pool.advance(&mut calcium, DT_MS));
        out.insert("calcium pool".into(), json!({ "currents_ns": reversal, "advance_ns": advance }));
        let set = synapse_set("rat").expect("a set");
        let receptors: Vec<_> = (0..INSTANCES).map(|i| ReceptorInstance { node: node(i), gmax_us: 4e-4 }).collect();
        for (name, receptor) in [("AMPA", set.ampa_receptor()), ("NMDA", set.nmda_receptor()), ("GABA_A", set.gaba_a_receptor())]
        {
            let mut block = ReceptorBlock::new(receptor, &receptors, self.lanes).expect("a good receptor");
            out.insert(name.into(), self.receptor(&mut block));
        }
        Value::Object(out)
    }
}

/// Exponentials on their own, on the best instruction set.
struct Exponentials<'a>(&'a [f64], &'a mut [f64]);

impl pulp::WithSimd for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled anew for each instruction set")]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        for (x, y) in self.0.as_chunks::<8>().0.iter().zip(self.1.as_chunks_mut::<8>().0) {
            *y = Lanes(*x).exp().0;
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: usize| {
        let at = arguments.iter().position(|a| a == name);
        at.and_then(|at| arguments.get(at + 1)).map_or(default, |n| n.parse().expect("a whole number"))
    };
    let iters = number("--iters", 30);
    let one = Bench { iters, lanes: 1 };
    let batch = Bench { iters, lanes: number("--lanes", 8) };
    let x: Vec<f64> = (0..INSTANCES).map(|i| -80.0 + 0.1 * f64::from(i)).collect();
    let mut y = vec![0.0; x.len()];
    let ours = one.time(|| pulp::Arch::new().dispatch(Exponentials(&x, &mut y)));
    let library = one.time(|| y.iter_mut().zip(&x).for_each(|(y, x)| *y = f64::exp(*x)));
    let exp = json!({ "ours_ns": ours, "library_ns": library });
    let arch = format!("{:?}", pulp::Arch::new());
    let arch = arch.split('(').next().unwrap_or_default();
    let result =
        json!({ "instruction_set": arch, "exp": exp, "one_cell": one.all(), "batch": batch.all(), "lanes": batch.lanes });
    writeln!(std::io::stdout(), "{result}").expect("stdout");
}
