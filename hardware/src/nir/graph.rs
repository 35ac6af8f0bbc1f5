//! A NIR graph as plain data.

use std::collections::BTreeMap;

/// Nodes, and the edges between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// The nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// Edges (from, to); a cycle is recurrence.
    pub edges: Vec<(String, String)>,
    /// Whether numbers are written as f32.
    pub single: bool,
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its arrays by name: those of [`Kind::fields`].
    pub arrays: BTreeMap<String, Array>,
    /// The graph inside, of a [`Kind::NirGraph`].
    pub inside: Option<Box<Graph>>,
}

/// Element of a matrix that is not zero: row, column, value; of weights receiver, sender, weight.
pub type Element = (u32, u32, f64);

/// Numbers in an array of any shape, row by row; an empty shape is a single number.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub values: Values,
}

/// The numbers of an [`Array`].
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// All of them.
    Numbers(Vec<f64>),
    /// All of them, whole.
    Whole(Vec<i64>),
    /// Those of a matrix that are not zero, sorted.
    Sparse(Vec<Element>),
}

impl Array {
    /// One number per neuron.
    pub fn vector(values: Vec<f64>) -> Self {
        Self { shape: vec![values.len()], values: Values::Numbers(values) }
    }

    /// Whole numbers.
    pub fn whole(values: Vec<i64>) -> Self {
        Self { shape: vec![values.len()], values: Values::Whole(values) }
    }

    /// A matrix from its elements; those in one place are added up.
    pub fn matrix(rows: usize, columns: usize, mut elements: Vec<Element>) -> Self {
        elements.sort_by_key(|e| (e.0, e.1));
        elements.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            if same {
                kept.2 += next.2;
            }
            same
        });
        Self { shape: vec![rows, columns], values: Values::Sparse(elements) }
    }

    /// How many numbers the shape says.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every number, row by row.
    pub fn numbers(&self) -> Vec<f64> {
        match &self.values {
            Values::Numbers(values) => values.clone(),
            Values::Whole(values) => values.iter().map(|&v| v as f64).collect(),
            Values::Sparse(elements) => {
                let mut all = vec![0.0; self.len()];
                for &(row, column, value) in elements {
                    all[row as usize * self.shape[1] + column as usize] = value;
                }
                all
            }
        }
    }
}

impl Node {
    /// A node of a kind with its arrays.
    pub fn new<const N: usize>(kind: Kind, arrays: [(&str, Array); N]) -> Self {
        Self { kind, arrays: arrays.into_iter().map(|(name, array)| (name.to_string(), array)).collect(), inside: None }
    }
}

/// How an array of a node is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Numbers that must be there.
    Number,
    /// Whole numbers that must be there.
    Whole,
    /// Whole numbers that may be left out.
    MaybeWhole,
    /// One number per neuron; zeros where it is left out.
    Zeros,
    /// One number per neuron; ones where it is left out.
    Ones,
}

macro_rules! kinds {
    ($($kind:ident, $name:literal, [$($field:literal: $read:ident),*], $doc:literal;)*) => {
        /// What a node is: the 16 primitives of NIR, a graph's ends, and a graph inside a graph.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $(#[doc = $doc] $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Its name in a file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Its arrays, and how each is read.
            pub fn fields(self) -> &'static [(&'static str, Field)] {
                match self { $(Self::$kind => &[$(($field, Field::$read)),*],)* }
            }
        }
    };
}

kinds! {
    Affine, "Affine", ["weight": Number, "bias": Number], "`W x + b`, `weight` by (out, in).";
    AvgPool2d, "AvgPool2d", ["kernel_size": Whole, "stride": Whole, "padding": Whole], "Mean over windows.";
    Conv1d, "Conv1d",
        ["weight": Number, "bias": Number, "stride": Whole, "padding": Whole, "dilation": Whole, "groups": Whole, "input_shape": MaybeWhole],
        "Convolution in one dimension.";
    Conv2d, "Conv2d",
        ["weight": Number, "bias": Number, "stride": Whole, "padding": Whole, "dilation": Whole, "groups": Whole, "input_shape": MaybeWhole],
        "Convolution in two dimensions.";
    CubaLi, "CubaLI", ["tau_syn": Number, "tau_mem": Number, "r": Number, "v_leak": Number, "w_in": Ones],
        "`tau_syn I' = -I + w_in S`, `tau_mem v' = v_leak - v + r I`.";
    CubaLif, "CubaLIF",
        ["tau_syn": Number, "tau_mem": Number, "r": Number, "v_leak": Number, "v_threshold": Number, "v_reset": Zeros, "w_in": Ones],
        "As `CubaLI`; where `v > v_threshold` a spike, and `v = v_reset`.";
    Delay, "Delay", ["delay": Number], "`y(t) = x(t - delay)`.";
    Flatten, "Flatten", ["start_dim": Whole, "end_dim": Whole, "input_type": MaybeWhole], "Joins dimensions.";
    Integrator, "I", ["r": Number], "`v' = r I`.";
    IntegrateAndFire, "IF", ["r": Number, "v_threshold": Number, "v_reset": Zeros], "As I, with spikes.";
    Input, "Input", ["shape": Whole], "Where input enters.";
    Li, "LI", ["tau": Number, "r": Number, "v_leak": Number], "`tau v' = v_leak - v + r I`.";
    Lif, "LIF", ["tau": Number, "r": Number, "v_leak": Number, "v_threshold": Number, "v_reset": Zeros], "As LI, with spikes.";
    Linear, "Linear", ["weight": Number], "`W x`, `weight` by (out, in).";
    NirGraph, "NIRGraph", [], "A graph inside a graph.";
    Output, "Output", ["shape": Whole], "Where output leaves.";
    Scale, "Scale", ["scale": Number], "Element by element `s x`.";
    SumPool2d, "SumPool2d", ["kernel_size": Whole, "stride": Whole, "padding": Whole], "Sum over windows.";
    Threshold, "Threshold", ["threshold": Number], "1 where `x > threshold`.";
}
