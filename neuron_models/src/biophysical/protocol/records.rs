//! What a protocol writes down: names, places, strides.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};

use super::inputs::{find, place_key};
use super::{Protocol, Record, RecordedQuantity};
use crate::biophysical::model::Model;
use crate::biophysical::placing::PlacedSynapse;
use crate::biophysical::recording::{Probe, Quantity};

/// A trace that will be written down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Where and what.
    pub(super) probe: Probe,
    /// Steps between samples.
    pub(super) every: u64,
    /// Key of its record, for errors.
    pub(super) key: String,
}

/// A number of steps that a time is.
///
/// # Errors
/// `not-whole` if it is none, with the nearest.
pub(super) fn steps(key: &str, time_ms: f64, dt_ms: f64) -> Result<u64> {
    if !(time_ms.is_finite() && time_ms > 0.0) {
        return Err(UserError::bad_data("bad-time", "is no duration")
            .key(key)
            .found(format!("{time_ms} ms"))
            .expected("more than 0 ms"));
    }
    let count = (time_ms / dt_ms).round().max(1.0);
    if count > 1e10 {
        return Err(UserError::bad_data("limit", "this takes too many steps")
            .key(key)
            .found(format!("{count:e} steps of {dt_ms} ms"))
            .expected("at most 1e10")
            .mend("shorten the simulation"));
    }
    if (count * dt_ms - time_ms).abs() > 1e-6 * dt_ms {
        return Err(UserError::bad_data("not-whole", "is no whole number of steps")
            .key(key)
            .found(format!("{time_ms} ms in steps of {dt_ms} ms"))
            .mend(format!("choose {} ms", whole_steps_ms(count, dt_ms))));
    }
    Ok(count as u64)
}

/// The time of so many steps, without the digits that the product adds.
pub(in crate::biophysical) fn whole_steps_ms(count: f64, dt_ms: f64) -> f64 {
    format!("{:.9e}", count * dt_ms).parse().unwrap_or(count * dt_ms)
}

/// The traces, in the order of the protocol.
///
/// # Errors
/// With the key `record[K].…`.
pub(super) fn plan(protocol: &Protocol, model: &Model, synapses: &[PlacedSynapse]) -> Result<Vec<Plan>> {
    let of_soma = [Record::default()];
    let records = if protocol.record.is_empty() { &of_soma[..] } else { &protocol.record };
    let mut out: Vec<Plan> = Vec::new();
    for (k, record) in records.iter().enumerate() {
        let key = format!("record[{k}]");
        let every = match record.every_ms {
            Some(every_ms) => steps(&format!("{key}.every_ms"), every_ms, protocol.dt_ms)?,
            None => 1,
        };
        superfluous(record, &key)?;
        if record.every_segment {
            let probes = everywhere(record, model, &key)?;
            out.extend(probes.into_iter().map(|probe| Plan { probe, every, key: key.clone() }));
        } else {
            out.push(Plan { probe: probe(record, protocol, model, synapses, &key)?, every, key });
        }
    }
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for plan in &out {
        let name = plan.probe.name.as_str();
        let key = format!("{}.name", plan.key);
        if name.is_empty() || name == "t_ms" || name.starts_with('.') || name.contains(['/', ',', '"', '\0', '\n', '\r']) {
            return Err(UserError::bad_data("bad-name", "no column can be called so")
                .key(key)
                .found(name)
                .expected("a name without `/`, `,`, quotes, that is not `t_ms`"));
        }
        if let Some(first) = seen.insert(name, &plan.key) {
            return Err(UserError::bad_data("duplicate-name", "two traces have one name")
                .key(key)
                .found(format!("`{name}`, also {first}"))
                .mend("give one of them another `name`"));
        }
    }
    Ok(out)
}

/// A quantity of the membrane in every segment that has it, perhaps of some sections alone.
fn everywhere(record: &Record, model: &Model, key: &str) -> Result<Vec<Probe>> {
    if record.section.is_some() || record.x.is_some() || of_a_device(record.quantity) {
        return Err(UserError::bad_data("bad-record", "`every_segment` writes a quantity of the membrane in all segments")
            .key(key)
            .mend("leave `section` and `x` out (`sections = [...]` takes some), and synapses and clamps; or leave `every_segment` out"));
    }
    let cable = &model.neuron.cable;
    let mut wanted = vec![record.sections.is_none(); cable.sections.len()];
    for name in record.sections.iter().flatten() {
        let section = cable.find(name).map_err(|e| e.in_data().key(format!("{key}.sections")))?;
        wanted[section as usize] = true;
    }
    let (quantity, stem) = membrane_quantity(record, key)?;
    let stem = record.name.as_deref().unwrap_or(&stem);
    let mut has = vec![record.channel.is_none(); cable.nodes.len()];
    for placed in model.neuron.channels.iter().filter(|c| record.channel.as_deref() == Some(c.info.name)) {
        placed.instances.iter().for_each(|instance| has[instance.node as usize] = true);
    }
    let sections = cable.sections.iter().zip(wanted).filter(|(_, wanted)| *wanted);
    let nodes = sections.flat_map(|(section, _)| section.segment_nodes()).filter(|node| has[*node]);
    let probes: Vec<Probe> = nodes
        .map(|node| {
            let place = &cable.nodes[node];
            let name = format!("{stem}_{}({})", cable.sections[place.section as usize].name, place.x);
            Probe { name, node: node as u32, quantity: quantity.clone() }
        })
        .collect();
    if probes.is_empty() {
        let found = record.channel.clone().unwrap_or_else(|| "no section".into());
        return Err(UserError::bad_data("bad-record", "no segment has what is recorded").key(key).found(found));
    }
    Ok(probes)
}

/// Whether it belongs to a synapse or a clamp, not to a place of the membrane.
fn of_a_device(quantity: RecordedQuantity) -> bool {
    use RecordedQuantity as Q;
    matches!(quantity, Q::SynapseConductance | Q::SynapseOpening | Q::SynapseCurrent | Q::ClampCurrent)
}

/// A key that the quantity needs.
fn needed<'a, T>(key: &str, name: &str, value: Option<&'a T>) -> Result<&'a T> {
    value.ok_or_else(|| {
        UserError::bad_data("missing-key", "this quantity needs another key").key(key).mend(format!("add `{name}`"))
    })
}

fn probe(record: &Record, protocol: &Protocol, model: &Model, synapses: &[PlacedSynapse], key: &str) -> Result<Probe> {
    let of_synapse = matches!(
        record.quantity,
        RecordedQuantity::SynapseConductance | RecordedQuantity::SynapseOpening | RecordedQuantity::SynapseCurrent
    );
    if of_synapse {
        return synapse_probe(record, synapses, key);
    }
    if record.quantity == RecordedQuantity::ClampCurrent {
        return clamp_probe(record, protocol, model, key);
    }
    let (soma, middle) = model.soma();
    let section = record.section.clone().unwrap_or(soma);
    let x = record.x.unwrap_or(middle);
    let node = model.neuron.cable.node_at(&section, x);
    let node = node.map_err(|e| e.in_data().key(format!("{key}.{}", place_key(model, &section))))?;
    let (quantity, stem) = membrane_quantity(record, key)?;
    let name = record.name.clone().unwrap_or_else(|| format!("{stem}_{section}({x})"));
    Ok(Probe { name, node, quantity })
}

/// A quantity of the membrane, and what its traces are called after.
fn membrane_quantity(record: &Record, key: &str) -> Result<(Quantity, String)> {
    let channel = || needed(key, "channel", record.channel.as_ref()).cloned();
    Ok(match record.quantity {
        RecordedQuantity::Cai => (Quantity::Cai, "cai".to_string()),
        RecordedQuantity::Eca => (Quantity::Eca, "eca".to_string()),
        RecordedQuantity::Gate => {
            let (channel, gate) = (channel()?, needed(key, "gate", record.gate.as_ref())?.clone());
            let stem = format!("{gate}_{channel}");
            (Quantity::Gate { channel, gate }, stem)
        }
        RecordedQuantity::Current => {
            let channel = channel()?;
            let stem = format!("i_{channel}");
            (Quantity::Current { channel }, stem)
        }
        RecordedQuantity::Conductance => {
            let channel = channel()?;
            let stem = format!("g_{channel}");
            (Quantity::Conductance { channel }, stem)
        }
        RecordedQuantity::IonCurrent => {
            let ion = needed(key, "ion", record.ion.as_ref())?.clone();
            let stem = format!("i{ion}");
            (Quantity::IonCurrent { ion }, stem)
        }
        _ => (Quantity::V, "v".to_string()),
    })
}

fn synapse_probe(record: &Record, synapses: &[PlacedSynapse], key: &str) -> Result<Probe> {
    if record.section.is_some() || record.x.is_some() {
        return Err(UserError::bad_data("bad-record", "a synapse has its place").key(key).mend("leave `section` and `x` out"));
    }
    let number = find(synapses, needed(key, "synapse", record.synapse.as_ref())?).map_err(|e| e.key(format!("{key}.synapse")))?;
    let synapse = &synapses[number as usize];
    let names: Vec<&str> = synapse.receptors.iter().map(|r| r.kind.name()).collect();
    let wanted = needed(key, "receptor", record.receptor.as_ref())?;
    let Some(receptor) = names.iter().position(|name| name == wanted) else {
        return Err(UserError::bad_data("unknown-receptor", format!("synapse `{}` has no such receptor", synapse.name))
            .key(format!("{key}.receptor"))
            .found(wanted)
            .expected(names.join(", "))
            .mend("a receptor without conductance in the set is left out"));
    };
    let receptor = receptor as u32;
    let (quantity, stem) = match record.quantity {
        RecordedQuantity::SynapseConductance => (Quantity::SynapseConductance { synapse: number, receptor }, "g"),
        RecordedQuantity::SynapseOpening => (Quantity::SynapseOpening { synapse: number, receptor }, "opening"),
        _ => (Quantity::SynapseCurrent { synapse: number, receptor }, "i"),
    };
    let name = record.name.clone().unwrap_or_else(|| format!("{stem}_{wanted}_{}", synapse.name));
    Ok(Probe { name, node: synapse.node, quantity })
}

/// The current of a voltage clamp: the first unless numbered.
fn clamp_probe(record: &Record, protocol: &Protocol, model: &Model, key: &str) -> Result<Probe> {
    if record.section.is_some() || record.x.is_some() {
        let error = UserError::bad_data("bad-record", "a voltage clamp has its place").key(key);
        return Err(error.mend("leave `section` and `x` out"));
    }
    let number = record.voltage_clamp.unwrap_or(0);
    let Some(clamp) = protocol.voltage_clamp.get(number as usize) else {
        let expected = match protocol.voltage_clamp.len() {
            0 => "none: the protocol has no `[[voltage_clamp]]`".to_string(),
            n => format!("0 to {}", n - 1),
        };
        return Err(UserError::bad_data("unknown-clamp", "there is no such voltage clamp")
            .key(format!("{key}.voltage_clamp"))
            .found(number.to_string())
            .expected(expected));
    };
    let node = model.neuron.cable.node_at(&clamp.section, clamp.x)?;
    let name = record.name.clone().unwrap_or_else(|| format!("i_clamp_{}({})", clamp.section, clamp.x));
    Ok(Probe { name, node, quantity: Quantity::ClampCurrent { clamp: number } })
}

/// Keys that the quantity does not look at are refused: someone meant something by them.
fn superfluous(record: &Record, key: &str) -> Result<()> {
    use RecordedQuantity as Q;
    let q = record.quantity;
    let of_synapse = matches!(q, Q::SynapseConductance | Q::SynapseOpening | Q::SynapseCurrent);
    let given = [
        ("sections", record.sections.is_some() && !record.every_segment),
        ("channel", record.channel.is_some() && !matches!(q, Q::Gate | Q::Current | Q::Conductance)),
        ("gate", record.gate.is_some() && q != Q::Gate),
        ("ion", record.ion.is_some() && q != Q::IonCurrent),
        ("synapse", record.synapse.is_some() && !of_synapse),
        ("receptor", record.receptor.is_some() && !of_synapse),
        ("voltage_clamp", record.voltage_clamp.is_some() && q != Q::ClampCurrent),
    ];
    match given.iter().find(|(_, wrong)| *wrong) {
        None => Ok(()),
        Some((name, _)) => Err(UserError::bad_data("superfluous-key", "the record has no use for this key")
            .key(format!("{key}.{name}"))
            .mend("remove it, or choose another `quantity` (`sections` goes with `every_segment`)")),
    }
}
