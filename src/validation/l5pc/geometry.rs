//! Sections, segments, points and densities of the cell.

use std::path::Path;

use kenyon_base::Result;
use kenyon_neurons::biophysical::neuron::Neuron;

use super::Folder;
use super::stated::{outright, perhaps};
use super::tables::Cut;
use crate::validation::Findings;
use crate::validation::deviation::{beyond, largest};
use crate::validation::table::{self, Column, Table};

/// Relative bar of lengths, areas and resistances.
const RELATIVE: f64 = 1e-9;
/// The same for the soma, which comes from a contour, and for distances, which begin with half of it.
const SOMA: f64 = 1e-5;
/// Absolute bar of densities, S/cm².
const DENSITY: f64 = 1e-10;

/// Compares the tables of a folder of geometry.
pub(super) fn compare(folder: &Folder, dir: &Path) -> Result<Findings> {
    // The name states the length that the tables must show; without it, the tables do.
    let parts = || dir.iter().rev().map(|part| part.to_string_lossy().into_owned());
    let named = parts().find_map(|part| outright(&part).or_else(|| perhaps(&part).first().copied()));
    let table = folder.tables.iter().find(|table| table.inside && table.place == dir);
    let (cut, from) = match (named, table) {
        (Some(length), _) => (Cut::Length(length), "the name"),
        (None, Some(table)) => (table.cut.clone(), "the tables"),
        (None, None) => (Cut::USUAL, "the usual, as nothing states it"),
    };
    let neuron = folder.cut(&cut)?;
    let mut findings = Findings::new("relative");
    let mut worst = 0.0_f64;
    let mut parts = Vec::new();
    for (name, ours) in [
        ("sections.csv", sections as fn(&Folder, &Neuron, &str) -> Option<Column>),
        ("segments.csv", of_segments),
        ("pt3d.csv", points),
    ] {
        let file = dir.join(name);
        if !folder.has(&file) {
            findings.missing(format!("no `{}`", file.display()));
            if let Some(to) = folder.ours(&file) {
                write_all(folder, &neuron, name, &to, ours)?;
            }
            continue;
        }
        findings.compared();
        let table = Table::read(&folder.path(&file))?;
        let whole = findings.columns(&table, published(name), &[]);
        let mut columns = Vec::new();
        for column in published(name) {
            let Some(values) = ours(folder, &neuron, column) else { continue };
            // Rows that are not ours are told once, as are columns that are missing.
            if values.len() != table.len() {
                if columns.is_empty() {
                    findings.fault(format!("{name} has {} rows instead of {}", table.len(), values.len()));
                }
            } else if whole {
                worst = largest([worst, check(&mut findings, &table, column, &values)?]);
            }
            columns.push((*column, values));
        }
        parts.push(format!("{} rows of {name}", table.len()));
        if let Some(to) = folder.ours(&file) {
            table::write(&to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())?;
        }
    }
    findings.see(worst);
    findings.remark(format!("segments of {}: from {from}; {}", cut.words(), parts.join(", ")));
    if let (Some(length), Some(table)) = (named, table)
        && table.cut.counts(&folder.tree) != cut.counts(&folder.tree)
    {
        findings.remark(format!("the name says {length} µm, the numbers of segments say {}", table.cut.words()));
    }
    findings.bar(format!("names exact, numbers {RELATIVE:e} relative, soma and distances {SOMA:e}, densities {DENSITY:e} S/cm2"));
    Ok(findings)
}

/// The tables of the published folder with their columns, all of which must be there.
const COLUMNS: [(&str, &[&str]); 3] = [
    (
        "sections.csv",
        &[
            "sec_index",
            "name",
            "region",
            "parent",
            "parent_x",
            "n_pt3d",
            "L_um",
            "nseg",
            "area_um2",
            "dist0_um",
            "dist1_um",
            "Ra_ohm_cm",
            "ri_end_Mohm",
        ],
    ),
    (
        "segments.csv",
        &[
            "seg_index",
            "section",
            "seg_in_sec",
            "x",
            "L_um",
            "diam_um",
            "area_um2",
            "ri_Mohm",
            "dist_um",
            "cm_uF_cm2",
            "g_pas",
            "e_pas",
            "gIhbar_Ih",
            "gImbar_Im",
            "gCa_HVAbar_Ca_HVA",
            "gCa_LVAstbar_Ca_LVAst",
            "gSK_E2bar_SK_E2",
            "gSKv3_1bar_SKv3_1",
            "gNaTs2_tbar_NaTs2_t",
            "gNaTa_tbar_NaTa_t",
            "gNap_Et2bar_Nap_Et2",
            "gK_Tstbar_K_Tst",
            "gK_Pstbar_K_Pst",
            "gamma_CaDynamics_E2",
            "decay_CaDynamics_E2",
        ],
    ),
    ("pt3d.csv", &["section", "i", "x_um", "y_um", "z_um", "diam_um", "arc_um"]),
];

/// The columns of a table.
fn published(name: &str) -> &'static [&'static str] {
    COLUMNS.iter().find(|(known, _)| *known == name).map_or(&[], |(_, columns)| *columns)
}

/// Writes a table that the reference lacks.
fn write_all(
    folder: &Folder,
    neuron: &Neuron,
    name: &str,
    to: &Path,
    ours: fn(&Folder, &Neuron, &str) -> Option<Column>,
) -> Result<()> {
    let columns: Vec<_> = published(name).iter().filter_map(|column| Some((*column, ours(folder, neuron, column)?))).collect();
    table::write(to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())
}

/// Compares one column; returns the largest relative deviation of numbers outside the soma.
fn check(findings: &mut Findings, table: &Table, column: &str, ours: &Column) -> Result<f64> {
    let file = table.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let theirs = table.text(column)?;
    let ours = match ours {
        Column::Text(ours) => {
            if let Some(row) = (0..ours.len()).find(|row| !same(&ours[*row], theirs[*row])) {
                findings.fault(format!("{column} of {file}, row {}: {} instead of {}", row + 1, ours[row], theirs[row]));
            }
            return Ok(0.0);
        }
        Column::Numbers(ours) => ours,
        Column::Optional(_) => return Ok(0.0),
    };
    let theirs = table.numbers(column)?;
    let section = if table.has("section") { table.text("section")? } else { table.text("name")? };
    let density = column.starts_with('g') && column.contains("bar_") || column == "g_pas";
    let (mut worst, mut worst_row) = (0.0_f64, None);
    let mut most = 0.0_f64;
    for row in 0..ours.len() {
        let error = (ours[row] - theirs[row]).abs();
        let relative = if theirs[row] == 0.0 { error } else { error / theirs[row].abs() };
        let bar = match section[row] {
            _ if density => DENSITY,
            "soma[0]" => SOMA,
            _ if column.starts_with("dist") => SOMA,
            _ => RELATIVE,
        };
        let over = if density { error } else { relative } / bar;
        if beyond(over, worst) {
            (worst, worst_row) = (over, Some(row));
        }
        if bar <= RELATIVE && !density {
            most = largest([most, relative]);
        }
    }
    if let Some(row) = worst_row.filter(|_| beyond(worst, 1.0)) {
        findings.fault(format!(
            "{column} of {file}, row {} ({}): {:?} instead of {:?}",
            row + 1,
            section[row],
            ours[row],
            theirs[row]
        ));
    }
    Ok(most)
}

/// Words that are equal, or numbers that are.
fn same(a: &str, b: &str) -> bool {
    a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a.total_cmp(&b).is_eq())
}

fn sections(_: &Folder, neuron: &Neuron, column: &str) -> Option<Column> {
    let all = &neuron.cable.sections;
    let number = |of: fn(&kenyon_neurons::biophysical::cable::CableSection) -> f64| Column::Numbers(all.iter().map(of).collect());
    Some(match column {
        "sec_index" => Column::whole(0..all.len() as u64),
        "name" => Column::texts(all.iter().map(|s| &s.name)),
        "region" => Column::texts(all.iter().map(|s| s.region)),
        "parent" => Column::texts(all.iter().map(|s| s.parent.map_or(String::new(), |(p, _)| all[p as usize].name.clone()))),
        "parent_x" => Column::texts(all.iter().map(|s| s.parent.map_or(String::new(), |(_, x)| format!("{x:?}")))),
        "n_pt3d" => Column::texts(all.iter().map(|s| s.point_count)),
        "nseg" => Column::texts(all.iter().map(|s| s.nseg)),
        "L_um" => number(|s| s.length_um),
        "area_um2" => number(|s| s.area_um2),
        "dist0_um" => number(|s| s.distance0_um),
        "dist1_um" => number(|s| s.distance1_um),
        "Ra_ohm_cm" => number(|s| s.ra_ohm_cm),
        "ri_end_Mohm" => number(|s| s.ri_end_mohm),
        _ => return None,
    })
}

fn of_segments(_: &Folder, neuron: &Neuron, column: &str) -> Option<Column> {
    let segments: Vec<_> = neuron.cable.nodes.iter().enumerate().filter(|(_, node)| node.segment.is_some()).collect();
    let number = |of: &dyn Fn(usize) -> f64| Some(Column::Numbers(segments.iter().map(|(k, _)| of(*k)).collect()));
    let node = |k: usize| &neuron.cable.nodes[k];
    match column {
        "seg_index" => Some(Column::whole(0..segments.len() as u64)),
        "section" => Some(Column::texts(segments.iter().map(|(_, n)| &neuron.cable.sections[n.section as usize].name))),
        "seg_in_sec" => Some(Column::texts(segments.iter().map(|(_, n)| n.segment.unwrap_or(0)))),
        "x" => number(&|k| node(k).x),
        "L_um" => number(&|k| node(k).length_um),
        "diam_um" => number(&|k| node(k).diam_um),
        "area_um2" => number(&|k| node(k).area_um2),
        "ri_Mohm" => number(&|k| node(k).ri_mohm),
        "dist_um" => number(&|k| node(k).distance_um),
        "cm_uF_cm2" => number(&|k| node(k).cm_uf_cm2),
        "e_pas" => {
            let leak = neuron.channels.iter().find(|c| c.info.name == "leak")?;
            number(&|k| leak.instances.iter().find(|i| i.node as usize == k).map_or(0.0, |i| i.reversal_mv))
        }
        "g_pas" => number(&|k| neuron.density("leak", k as u32)),
        "gamma_CaDynamics_E2" => number(&|k| pool(neuron, k).map_or(0.0, |p| p.gamma)),
        "decay_CaDynamics_E2" => number(&|k| pool(neuron, k).map_or(0.0, |p| p.decay_ms)),
        _ => {
            let (_, name) = column.split_once("bar_")?;
            let placed = neuron.channels.iter().find(|c| c.info.name == name)?;
            number(&|k| placed.instances.iter().filter(|i| i.node as usize == k).map(|i| i.gbar_s_cm2).sum())
        }
    }
}

fn pool(neuron: &Neuron, node: usize) -> Option<&kenyon_neurons::biophysical::mechanism::PoolInstance> {
    neuron.pools.iter().find(|p| p.node as usize == node)
}

fn points(folder: &Folder, _: &Neuron, column: &str) -> Option<Column> {
    let all = folder.tree.sections().iter().flat_map(|s| {
        let points = s.shape.points();
        let mut arc = 0.0;
        points.iter().enumerate().map(move |(i, p)| {
            arc += if i == 0 { 0.0 } else { points[i - 1].distance(p) };
            (s, i, p, arc)
        })
    });
    let number = |of: fn(&kenyon_neurons::biophysical::morphology::Point, f64) -> f64| {
        Column::Numbers(all.clone().map(|(_, _, p, arc)| of(p, arc)).collect())
    };
    Some(match column {
        "section" => Column::texts(all.map(|(s, ..)| &s.name)),
        "i" => Column::texts(all.map(|(_, i, ..)| i)),
        "x_um" => number(|p, _| p.xyz[0]),
        "y_um" => number(|p, _| p.xyz[1]),
        "z_um" => number(|p, _| p.xyz[2]),
        "diam_um" => number(|p, _| p.diam),
        "arc_um" => number(|_, arc| arc),
        _ => return None,
    })
}
