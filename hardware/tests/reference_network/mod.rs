//! Networks in the layout of the reference data's `network.json`.

#![allow(unreachable_pub, dead_code, reason = "a module of its own in several test crates")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kenyon_hardware::{CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Synapse, Variable};
use serde_json::Value;

/// The items of a list; none of what is no list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The network that the file describes, every potential at -65 mV at the start.
pub fn deployment(json: &Value) -> Deployment {
    let populations = list(&json["populations"]);
    let index = |name: &Value| populations.iter().position(|p| p["label"] == *name).unwrap() as u32;
    let mut deployment = Deployment::new("case", json["timestep_ms"].as_f64().unwrap(), json["steps"].as_u64().unwrap() as u32);
    for population in populations {
        let n = population["n"].as_u64().unwrap();
        let kind = match population["type"].as_str().unwrap() {
            "SpikeSourceArray" => None,
            "IF_curr_exp" => Some(CellKind::CurrExp),
            "IF_curr_delta" => Some(CellKind::CurrDelta),
            _ => Some(CellKind::CondExp),
        };
        let cells = kind.map_or(Cells::SpikeSource, |kind| {
            let mut neurons = Neurons { kind, ..Neurons::default() };
            for (name, column) in neurons.columns_mut() {
                let values = list(&population["parameters"][name]);
                *column = values.iter().map(|v| v.as_f64().unwrap()).collect();
                if name == "v" {
                    *column = vec![-65.0; n as usize];
                }
            }
            Cells::Neurons(Box::new(neurons))
        });
        deployment.add(Population {
            label: population["label"].as_str().unwrap().into(),
            role: if kind.is_some() { Role::Hidden } else { Role::Input },
            ids: (0..n).collect(),
            names: Vec::new(),
            cells,
            record: vec![Variable::Spikes],
            v_scale: 1.0,
        });
    }
    for projection in list(&json["projections"]) {
        let synapse = |c: &Value| Synapse {
            pre: c[0].as_u64().unwrap() as u32,
            post: c[1].as_u64().unwrap() as u32,
            weight: c[2].as_f64().unwrap(),
            delay_steps: c[3].as_f64().unwrap(),
        };
        deployment.projections.push(Projection {
            pre: index(&projection["pre"]),
            post: index(&projection["post"]),
            receptor: if projection["receptor"] == "excitatory" { Receptor::Excitatory } else { Receptor::Inhibitory },
            synapses: list(&projection["connections"]).iter().map(synapse).collect(),
        });
    }
    deployment
}
