//! Claims about the engine, on small random networks.

#![expect(clippy::float_cmp, reason = "spikes and cut gradients are exactly 0 or 1")]

mod autograd;
mod behaviour;
mod determinism;
mod differences;
mod presynaptic;

use kenyon_base::random::{Stream, Streams};
use kenyon_neurons::point::{PointModel, QifNeuron, Real};
use rand::Rng;

use super::*;

/// A small random network, its parameters and a batch.
#[derive(Debug, Clone)]
struct Small {
    topology: Topology,
    effective: Vec<f64>,
    w2: Vec<f64>,
    events: Events,
    spec: EngineSpec,
    /// Gradient of the loss by the outputs at zero output.
    slope: Vec<f64>,
}

/// What a small network is to have.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    model: PointModel,
    batch: usize,
    steps: usize,
    channels: usize,
    delays: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { model: PointModel::Lif, batch: 3, steps: 24, channels: 1, delays: false }
    }
}

const MODELS: [PointModel; 4] = [PointModel::Lif, PointModel::Lif2, PointModel::qif(), PointModel::NonSpiking];

fn pattern(rng: &mut Stream, rows: usize, columns: usize, density: f64) -> Csr {
    let set: Vec<bool> = (0..rows * columns).map(|_| rng.random_bool(density)).collect();
    Csr::from_dense(rows, columns, |at| set[at])
}

impl Small {
    fn new(wanted: Wanted) -> Self {
        let mut rng = Streams::new(7).stream("engine-tests");
        let (m, n, c) = (6, 11, 3);
        let Wanted { model, batch, steps, channels, delays } = wanted;
        let mut topology = Topology::new(m, n, c, pattern(&mut rng, m, n, 0.5), pattern(&mut rng, n, n, 0.35));
        topology.readout = vec![7, 0, 3, 10, 4, 8, 1];
        topology.channels = channels;
        if channels > 1 {
            topology.channel_of_input = (0..m).map(|i| (i % channels) as u16).collect();
            topology.channel_of_neuron = (0..n).map(|i| (i / 2 % channels) as u16).collect();
        }
        if delays {
            topology.delay = Some((0..n).map(|i| (i * 5 % 4) as u16).collect());
        }
        let layout = Layout::of(&topology);
        let mut effective = vec![0.0; layout.len()];
        let qif = matches!(model, PointModel::Qif { .. });
        let matched = QifNeuron::from_lif(6.0, 0.0, kenyon_neurons::point::QifKind::Snic);
        for segment in Segment::ALL {
            for x in &mut effective[layout.range(segment)] {
                let mut draw = |low: f64, high: f64| rng.random_range(low..high);
                *x = match segment {
                    Segment::IC => draw(-0.4, 0.2) + if qif { matched.i_c } else { 0.0 },
                    Segment::Rise => model.rise(1.0, draw(4.0, 9.0) * if qif { matched.tau_mem / 6.0 } else { 1.0 }),
                    Segment::SynLoss => draw(0.1, 0.5),
                    Segment::Threshold => draw(0.8, 1.1) + if qif { 0.5 } else { 0.0 },
                    Segment::Reset => draw(-0.1, 0.1) + if qif { matched.reset } else { 0.0 },
                    Segment::OutSynLoss | Segment::OutRise => draw(0.1, 0.3),
                    Segment::W1 => draw(0.2, 0.9),
                    Segment::V => draw(-0.5, 0.6),
                };
            }
        }
        let w2 = (0..topology.readout.len() * c).map(|_| rng.random_range(-1.0..1.0)).collect();
        let counts: Vec<u8> = (0..batch * steps * m).map(|_| [0, 0, 0, 1, 2][rng.random_range(0..5)]).collect();
        let events = Events::from_dense(batch, steps, m, &counts);
        let mut spec = EngineSpec::new(steps);
        spec.model = model;
        spec.surrogate.scale = 3.0;
        spec.gradients = GradMask::ALL;
        spec.record = Record { neurons: vec![9, 2, 5], mem: true, spikes: true };
        let length = OutputLayout::of(&topology, &spec, batch).len();
        let slope = (0..length).map(|_| rng.random_range(-1.0..1.0)).collect();
        Self { topology, effective, w2, events, spec, slope }
    }

    fn engine<F: Real>(&self) -> Engine<F> {
        Engine::new(self.topology.clone(), self.spec.clone()).expect("a sound network")
    }

    fn layout(&self) -> OutputLayout {
        OutputLayout::of(&self.topology, &self.spec, self.events.batch())
    }

    fn parameters<F: Real>(&self) -> (Vec<F>, Vec<F>) {
        let to = |x: &[f64]| x.iter().map(|x| F::from_f64(*x)).collect();
        (to(&self.effective), to(&self.w2))
    }

    /// Loss `(slope . x + x . x / 2) / length` of the packed output x.
    fn loss(&self, packed: &[f64]) -> f64 {
        packed.iter().zip(&self.slope).map(|(x, slope)| x * slope + x * x / 2.0).sum::<f64>() / packed.len() as f64
    }

    fn loss_gradient<F: Real>(&self, packed: &[F]) -> Vec<F> {
        let length = F::from_f64(packed.len() as f64);
        packed.iter().zip(&self.slope).map(|(x, slope)| (*x + F::from_f64(*slope)) / length).collect()
    }

    /// Output and gradients of the loss.
    fn run<F: Real>(&self) -> (Vec<F>, Gradients<F>) {
        let engine = self.engine::<F>();
        let (effective, w2) = self.parameters::<F>();
        let (output, tape) = engine.forward(&effective, &w2, &self.events, true).expect("finite");
        let packed = output.into_packed();
        let by = self.loss_gradient(&packed);
        let layout = self.layout();
        let by = OutputGradients::unpack(&layout, &by);
        let gradients = engine.backward(&effective, &w2, &self.events, &tape.expect("recorded"), &by).expect("finite");
        (packed, gradients)
    }
}

/// Asserts that two gradients agree relative to the largest element.
fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    let scale = expected.iter().fold(0f64, |m, x| m.max(x.abs()));
    assert!(scale > 0.0, "{what}: every element is zero");
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}[{i}]: {a} against {b} (largest {scale})");
    }
}
