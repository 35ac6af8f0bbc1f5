//! A graph as HDF5: `version`, and below `node` its type, edges and nodes.

use std::path::Path;

use kenyon_base::{PlainWriter, Result, UserError};

use super::NIR_VERSION;
use super::graph::{Array, Graph, Values};

/// Matrices with more elements are written row by row, compressed.
const WHOLE_BELOW: usize = 1 << 18;
/// Most elements of a matrix: NIR stores every zero, and its readers hold them all.
const MOST: usize = 1 << 29;

/// Writes the graph, and what `more` adds beside it.
pub(super) fn write(graph: &Graph, path: &Path, more: impl FnOnce(&PlainWriter) -> Result<()>) -> Result<()> {
    let too_large =
        graph.nodes.iter().flat_map(|(name, n)| n.arrays.values().map(move |a| (name, a))).find(|(_, a)| a.len() > MOST);
    if let Some((name, array)) = too_large {
        return Err(UserError::bad_data("nir-too-large", format!("the matrix of node `{name}` is too large for NIR"))
            .found(format!("{:?}", array.shape))
            .expected(format!("at most {MOST} elements: NIR stores every zero"))
            .mend("use `kenyon export sonata`, which stores synapses one by one"));
    }
    let out = PlainWriter::create(path)?;
    out.write_texts("version", &[], &[NIR_VERSION])?;
    write_graph(&out, "node", graph)?;
    more(&out)?;
    out.finish()
}

fn write_graph(out: &PlainWriter, place: &str, graph: &Graph) -> Result<()> {
    out.write_texts(&format!("{place}/type"), &[], &["NIRGraph"])?;
    let edges: Vec<&str> = graph.edges.iter().flat_map(|(a, b)| [a.as_str(), b]).collect();
    out.write_texts(&format!("{place}/edges"), &[graph.edges.len(), 2], &edges)?;
    for (name, node) in &graph.nodes {
        let place = format!("{place}/nodes/{name}");
        if let Some(inside) = &node.inside {
            write_graph(out, &place, inside)?;
            continue;
        }
        out.write_texts(&format!("{place}/type"), &[], &[node.kind.name()])?;
        for (field, array) in &node.arrays {
            write_array(out, &format!("{place}/{field}"), array, graph.single)?;
        }
    }
    Ok(())
}

fn write_array(out: &PlainWriter, name: &str, array: &Array, single: bool) -> Result<()> {
    match &array.values {
        Values::Whole(values) => out.write(name, &array.shape, values),
        Values::Sparse(elements) if array.len() >= WHOLE_BELOW => {
            let shape = [array.shape[0], array.shape[1]];
            let row = |i: usize| {
                let at = |row: usize| elements.partition_point(|e| (e.0 as usize) < row);
                &elements[at(i)..at(i + 1)]
            };
            if single {
                out.write_rows(name, shape, |i, to: &mut [f32]| row(i).iter().for_each(|e| to[e.1 as usize] = e.2 as f32))
            } else {
                out.write_rows(name, shape, |i, to: &mut [f64]| row(i).iter().for_each(|e| to[e.1 as usize] = e.2))
            }
        }
        Values::Sparse(_) | Values::Numbers(_) => {
            let values = array.numbers();
            if single {
                out.write(name, &array.shape, &values.iter().map(|&v| v as f32).collect::<Vec<_>>())
            } else {
                out.write(name, &array.shape, &values)
            }
        }
    }
}
