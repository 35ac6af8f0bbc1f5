//! A checkpoint belongs to neurons and connections, not to an order.

use std::path::Path;
use std::sync::Arc;

use kenyon_connectome::Circuit;
use kenyon_connectome::edges::Edges;

use super::*;
use crate::network::spec::Share;
use crate::run::tensor::TensorData;
use crate::training::state::{check_order, load, of_model};

const STEPS: usize = 60;

fn pick<T: Copy>(column: &[T], order: &[u32]) -> Vec<T> {
    order.iter().map(|&old| column[old as usize]).collect()
}

/// The small circuit with the neurons of each population in another order.
fn permuted() -> Circuit {
    let own = fixtures::circuit();
    let order: [u32; 16] = [3, 0, 4, 2, 1, 8, 6, 5, 7, 10, 9, 13, 11, 15, 12, 14];
    let mut at = [0; 16];
    order.iter().zip(0..).for_each(|(&old, new)| at[old as usize] = new);
    let mut edges: Vec<(u32, u32, u32)> =
        own.edges.triples().map(|(pre, post, n)| (at[pre as usize], at[post as usize], n)).collect();
    edges.sort_unstable();
    Circuit {
        root_ids: pick(&own.root_ids, &order),
        population: pick(&own.population, &order),
        attributes: own.attributes.iter().map(|(name, column)| (name.clone(), Arc::new(column.take(&order)))).collect(),
        nt: pick(&own.nt, &order),
        sign: pick(&own.sign, &order),
        input: pick(&own.input, &order),
        silenced: pick(&own.silenced, &order),
        edges: Edges::from_triples(16, &edges),
        ..own
    }
}

fn build(circuit: &Circuit, spec: &NetworkSpec) -> Network {
    Network::build(circuit, spec, 3, 1, Path::new("train.toml")).unwrap()
}

/// A model whose parameters are no longer those it started with.
fn trained(network: Network) -> Model<f64> {
    let model = model::<f64>(network, STEPS);
    for (k, (_, parameter)) in model.parameters.iter().enumerate() {
        let changed: Vec<f64> = values(parameter.var.as_tensor())
            .iter()
            .enumerate()
            .map(|(i, v)| {
                v * (1.0 + 0.05 * ((i + k) as f64).sin()) + if *v == 0.0 { 0.1 * ((i + 2 * k) as f64).cos() } else { 0.0 }
            })
            .collect();
        parameter.var.set(&Tensor::from_vec(changed, parameter.var.shape(), parameter.var.device()).unwrap()).unwrap();
    }
    model.parameters.project().unwrap();
    model
}

/// The batch with its inputs renamed from one network's order to another's.
fn renamed(batch: &Batch, from: &Network, to: &Network) -> Batch {
    let place = |id: u64| to.input_ids.iter().position(|&other| other == id).unwrap() as u32;
    let mut out = batch.clone();
    for step in batch.ptr.windows(2) {
        let own = &mut out.idx[step[0] as usize..step[1] as usize];
        for input in own.iter_mut() {
            *input = place(from.input_ids[*input as usize]);
        }
        own.sort_unstable();
    }
    out
}

#[test]
fn fault_01_a_checkpoint_gives_the_same_outputs_in_a_circuit_of_another_order() {
    let batch = batch(3, STEPS, 5, 0.1);
    let shares = [Share::Neuron, Share::Type, Share::Type, Share::Population, Share::Type];
    for (form, share) in FORMS.into_iter().zip(shares) {
        let mut spec = NetworkSpec { share, ..small(form, ModelKind::Lif).spec };
        spec.weights.normalise = form == WeightForm::Free;
        let (own, other) = (build(&fixtures::circuit(), &spec), build(&permuted(), &spec));
        assert_ne!(own.neuron_ids, other.neuron_ids);
        assert_ne!(own.input_ids, other.input_ids);
        assert_eq!(own.wiring_sha256(), other.wiring_sha256());
        let first = trained(own);
        let checkpoint = of_model(&first, 1, "config").unwrap();
        let second = model::<f64>(other, STEPS);
        load(&second, &checkpoint).unwrap();
        assert_eq!(check_order(&second, &checkpoint).unwrap_err().code(), "id-mismatch", "sums in another order are others");

        let a = first.run(&batch, false, (0, 0)).unwrap();
        let b = second.run(&renamed(&batch, &first.network, &second.network), false, (0, 0)).unwrap();
        let (out, again) = (values(&a.out), values(&b.out));
        assert!(out.iter().any(|x| x.abs() > 1e-3), "{form:?}: the network is silent");
        assert!(out.iter().zip(&again).all(|(x, y)| (x - y).abs() < 1e-12), "{form:?}: outputs differ");
        let n = first.network.neuron_ids.len();
        let (counts, theirs) = (values(&a.counts), values(&b.counts));
        for (i, id) in first.network.neuron_ids.iter().enumerate() {
            let j = second.network.neuron_ids.iter().position(|other| other == id).unwrap();
            assert!(
                (0..3).all(|s| counts[s * n + i].to_bits() == theirs[s * n + j].to_bits()),
                "{form:?}: spikes of {id} differ"
            );
        }
    }
}

#[test]
fn a_checkpoint_of_other_connections_among_the_same_neurons_is_refused() {
    let spec = fixtures::spec(WeightForm::Gain);
    let own = fixtures::circuit();
    let checkpoint = of_model(&model::<f64>(build(&own, &spec), STEPS), 1, "config").unwrap();
    let mut triples: Vec<_> = own.edges.triples().collect();
    let refused = |circuit: &Circuit, spec: &NetworkSpec| {
        let error = load(&model::<f64>(build(circuit, spec), STEPS), &checkpoint).unwrap_err();
        (error.code().to_string(), error.exit_code())
    };
    // One synapse more; two pairs that change receivers, as a swap does; another order as well.
    triples[0].2 += 1;
    let more = Circuit { edges: Edges::from_triples(16, &triples), ..own.clone() };
    assert_eq!(refused(&more, &spec), ("wiring-mismatch".into(), 3));
    let mut triples: Vec<_> = permuted().edges.triples().collect();
    triples.pop();
    let fewer = Circuit { edges: Edges::from_triples(16, &triples), ..permuted() };
    assert_eq!(refused(&fewer, &spec), ("wiring-mismatch".into(), 3));
    let mut other = own.clone();
    *other.root_ids.last_mut().unwrap() += 1;
    assert_eq!(refused(&other, &spec), ("id-mismatch".into(), 3));
    other = own;
    other.root_ids[0] -= 1;
    assert_eq!(refused(&other, &spec), ("id-mismatch".into(), 3));
}

#[test]
fn a_checkpoint_whose_values_break_a_constraint_is_named() {
    let network = fixtures::network(&fixtures::spec(WeightForm::Free));
    let model = model::<f64>(network, STEPS);
    let mut checkpoint = of_model(&model, 1, "config").unwrap();
    let wrong: Vec<f64> = checkpoint.values("param/w_input").unwrap().iter().map(|w: &f64| -w).collect();
    checkpoint.tensors.insert("param/w_input".into(), TensorData::vector(&wrong));
    let error = load(&model, &checkpoint).unwrap_err();
    assert_eq!((error.code(), error.path()), ("constraint", Some(checkpoint.origin())));
}
