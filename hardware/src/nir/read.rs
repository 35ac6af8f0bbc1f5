//! A graph from HDF5, whoever wrote it.
//!
//! Nothing is guessed: a missing `r` is an error. As in NIR itself a missing `v_reset` is 0, and a missing `w_in` is 1.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kenyon_base::{PlainFile, Result, UserError, nearest};

use super::graph::{Array, Field, Graph, Kind, Node, Values};

/// Graphs inside graphs, at most.
const DEEPEST: usize = 16;

impl Graph {
    /// Reads a NIR file.
    ///
    /// # Errors
    /// Bad data: no NIR file, a node of an unknown type, arrays that are missing, of the wrong shape or not finite, edges of nodes that
    /// do not exist.
    pub fn read(path: &Path) -> Result<Self> {
        let file = PlainFile::open(path)?;
        if !file.is_group("node") {
            return Err(bad("nir-no-graph", path, "/node", "is no NIR file: it has no group `node`"));
        }
        Reader { file, path }.graph("node", 0)
    }
}

struct Reader<'a> {
    file: PlainFile,
    path: &'a Path,
}

impl Reader<'_> {
    fn graph(&self, place: &str, depth: usize) -> Result<Graph> {
        if depth > DEEPEST {
            return Err(bad("nir-too-deep", self.path, place, format!("graphs lie within graphs more than {DEEPEST} deep")));
        }
        let kind = self.file.text(&format!("{place}/type"))?;
        if kind != Kind::NirGraph.name() {
            return Err(bad("nir-no-graph", self.path, place, "is not a graph").found(kind).expected("`NIRGraph`"));
        }
        let mut graph = Graph::default();
        for name in self.file.members(&format!("{place}/nodes")) {
            let node = self.node(&format!("{place}/nodes/{name}"), depth)?;
            graph.nodes.insert(name, node);
        }
        let (shape, ends) = self.file.texts(&format!("{place}/edges"))?;
        if !(ends.is_empty() || shape.len() == 2 && shape[1] == 2) {
            return Err(bad("bad-shape", self.path, &format!("{place}/edges"), "edges are no pairs")
                .found(format!("{shape:?}"))
                .expected("(edges, 2)"));
        }
        let mut seen = BTreeSet::new();
        for pair in ends.chunks(2) {
            let edge = (pair[0].clone(), pair[1].clone());
            for end in [&edge.0, &edge.1] {
                if !graph.nodes.contains_key(end) {
                    let known = nearest(end, graph.nodes.keys().map(String::as_str));
                    let mend = known.map_or_else(|| "remove the edge".to_string(), |k| format!("perhaps `{k}` is meant"));
                    return Err(bad("nir-edge", self.path, &format!("{place}/edges"), "an edge of a node that does not exist")
                        .found(format!("{} -> {}", edge.0, edge.1))
                        .mend(mend));
                }
            }
            if !seen.insert(edge.clone()) {
                return Err(bad("nir-edge", self.path, &format!("{place}/edges"), "an edge is there twice")
                    .found(format!("{} -> {}", edge.0, edge.1))
                    .mend("remove one"));
            }
            graph.edges.push(edge);
        }
        Ok(graph)
    }

    fn node(&self, place: &str, depth: usize) -> Result<Node> {
        let name = self.file.text(&format!("{place}/type"))?;
        let Some(&kind) = Kind::ALL.iter().find(|k| k.name() == name) else {
            let known = nearest(&name, Kind::ALL.iter().map(|k| k.name()));
            let mend =
                known.map_or_else(|| "write it with the primitives of NIR".to_string(), |k| format!("perhaps `{k}` is meant"));
            return Err(bad("nir-unknown-node", self.path, place, "a node has an unknown type").found(name).mend(mend));
        };
        if kind == Kind::NirGraph {
            let inside = Some(Box::new(self.graph(place, depth + 1)?));
            return Ok(Node { kind, arrays: BTreeMap::new(), inside });
        }
        let mut arrays = BTreeMap::new();
        for &(field, read) in kind.fields() {
            let at = format!("{place}/{field}");
            let there = self.file.has(&at);
            let array = match read {
                Field::MaybeWhole | Field::Zeros | Field::Ones if !there => continue,
                Field::Number | Field::Whole if !there => {
                    return Err(bad("nir-missing", self.path, place, format!("a {name} lacks `{field}`"))
                        .expected("every parameter: none is guessed")
                        .mend(format!("write `{field}` into the file")));
                }
                Field::Whole | Field::MaybeWhole => {
                    // `padding` may be a word, and an `input_shape` empty.
                    let Ok((shape, values)) = self.file.read::<i64>(&at) else { continue };
                    Array { shape, values: Values::Whole(values) }
                }
                Field::Number | Field::Zeros | Field::Ones => self.numbers(&at)?,
            };
            arrays.insert(field.to_string(), array);
        }
        let mut node = Node { kind, arrays, inside: None };
        for &(field, read) in kind.fields() {
            let default = match read {
                Field::Zeros => 0.0,
                Field::Ones => 1.0,
                _ => continue,
            };
            let shape = self.neurons(&node, place)?;
            let fill = || Array { shape: shape.clone(), values: Values::Numbers(vec![default; shape.iter().product()]) };
            let given = node.arrays.entry(field.to_string()).or_insert_with(fill);
            // A single `w_in` serves all neurons.
            if read == Field::Ones && given.shape.is_empty() {
                *given = Array { values: Values::Numbers(vec![given.numbers()[0]; shape.iter().product()]), shape };
            }
        }
        self.check(&node, place)?;
        Ok(node)
    }

    fn numbers(&self, at: &str) -> Result<Array> {
        let (shape, values) = self.file.read::<f64>(at)?;
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(bad("nir-not-finite", self.path, at, format!("number {i} is not finite"))
                .found(values[i].to_string())
                .mend("train again, or repair the file"));
        }
        Ok(Array { shape, values: Values::Numbers(values) })
    }

    /// Shape of the neurons of a node: that of its first array.
    fn neurons(&self, node: &Node, place: &str) -> Result<Vec<usize>> {
        let (field, _) = node.kind.fields()[0];
        let first = node.arrays.get(field).ok_or_else(|| bad("nir-missing", self.path, place, format!("lacks `{field}`")))?;
        Ok(first.shape.clone())
    }

    fn check(&self, node: &Node, place: &str) -> Result<()> {
        let wrong = |field: &str, expected: String| {
            bad(
                "nir-shape",
                self.path,
                &format!("{place}/{field}"),
                format!("`{field}` of a {} has the wrong shape", node.kind.name()),
            )
            .found(format!("{:?}", node.arrays.get(field).map(|a| a.shape.clone()).unwrap_or_default()))
            .expected(expected)
            .mend("write one number per neuron, never a single one")
        };
        match node.kind {
            Kind::CubaLi | Kind::CubaLif | Kind::Li | Kind::Lif | Kind::Integrator | Kind::IntegrateAndFire => {
                let shape = self.neurons(node, place)?;
                for (field, array) in &node.arrays {
                    if array.shape != shape || shape.is_empty() {
                        return Err(wrong(field, format!("{shape:?}, at least one dimension")));
                    }
                    if field.starts_with("tau") && array.numbers().iter().any(|v| *v <= 0.0) {
                        return Err(bad(
                            "nir-parameter",
                            self.path,
                            &format!("{place}/{field}"),
                            "a time constant is not above 0",
                        )
                        .mend("write it in seconds"));
                    }
                }
            }
            Kind::Affine | Kind::Linear => {
                let weight = &node.arrays["weight"].shape;
                if weight.len() < 2 {
                    return Err(wrong("weight", "(out, in)".into()));
                }
                if node.arrays.get("bias").is_some_and(|b| b.shape.last() != weight.get(weight.len() - 2)) {
                    return Err(wrong("bias", format!("({})", weight[weight.len() - 2])));
                }
            }
            Kind::Delay if node.arrays["delay"].numbers().iter().any(|v| *v < 0.0) => {
                return Err(
                    bad("nir-parameter", self.path, &format!("{place}/delay"), "a delay is below 0").mend("write it in seconds")
                );
            }
            _ => {}
        }
        Ok(())
    }
}

fn bad(code: &'static str, path: &Path, place: &str, message: impl Into<String>) -> UserError {
    UserError::bad_data(code, message).file(path).dataset(place).mend("compare with a file that `kenyon export nir` wrote")
}
