//! The layer 5b pyramidal cell against NEURON's traces.

mod reference;

use kenyon_base::Result;
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::{ReadOptions, edit, read};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Recipe;
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Observer, Settings, Waveform};

fn l5pc() -> Option<Neuron> {
    let path = reference::part("morphologies")?.join("cell1.asc");
    let tree = edit::replace_axon(read(&path, &ReadOptions::default()).expect("reads").tree).expect("has a soma");
    Some(Neuron::new(&tree, Segments::TWINPROP, Recipe::shipped("l5pc").expect("shipped")).expect("sound"))
}

struct Soma(u32, Vec<f64>);

impl Observer for Soma {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        self.1.push(cells.v_at(self.0, 0));
        Ok(())
    }
}

#[test]
fn trial() {
    let Some(neuron) = l5pc() else { return };
    let soma = neuron.cable.node_at("soma[0]", 0.5).expect("there");
    for (name, amp, delay, dur) in
        [("steps/step_1.40nA", 1.4, 100.0, 350.0), ("passive/active_subthreshold_step", -0.1, 150.0, 150.0)]
    {
        let mut cells = Cells::new(&neuron, 1, Settings::default()).expect("sound");
        cells.add_electrode(Electrode {
            node: soma,
            lane: None,
            waveform: Waveform::Step { delay_ms: delay, dur_ms: dur, amp_na: amp },
        });
        let mut trace = Soma(soma, Vec::new());
        let start = std::time::Instant::now();
        cells.run(8000, &mut trace).expect("runs");
        eprintln!("{name}: {:.3} s for 200 ms", start.elapsed().as_secs_f64());
        let text =
            std::fs::read_to_string(reference::part("l5pc").expect("there").join(format!("{name}_dec.csv"))).expect("there");
        let mut worst = 0.0_f64;
        for (k, line) in text.lines().skip(1).enumerate() {
            let v: f64 = line.split(',').nth(1).expect("v").parse().expect("number");
            if k * 10 >= trace.1.len() {
                break;
            }
            let d = (trace.1[k * 10] - v).abs();
            if d > worst {
                worst = d;
                if worst > 1e-7 {
                    eprintln!("{} ms: {} against {v}, {d:e}", k as f64 * 0.25, trace.1[k * 10]);
                }
            }
        }
        eprintln!("{name}: worst {worst:e}");
    }
}
