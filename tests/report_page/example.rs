//! A page with every kind of plot, in the sizes of the full recipe, from invented numbers.

use kenyon::report::{Axis, Dot, DotChart, Figure, HeatMap, Histogram, LineChart, Page, Plot, Raster, Section, Series, Table};
use kenyon_base::Streams;
use rand::Rng;

/// Number of figures on the page.
pub(crate) const FIGURES: usize = 9;

const POPULATIONS: [(&str, u32, f64); 8] = [
    ("ORN", 2113, 14.0),
    ("uPN", 164, 28.0),
    ("mPN", 180, 16.0),
    ("LN", 393, 11.0),
    ("Kenyon_Cell", 5177, 0.9),
    ("APL", 2, 40.0),
    ("MBON", 96, 7.0),
    ("a population whose name is far too long for the room beside the plot <b>", 327, 3.0),
];

/// The page.
pub(crate) fn page() -> Page {
    Page::new("Odour classifier on the synthetic fly")
        .subtitle("284 odours, 7,616 neurons, 28,400 samples. The numbers of this page are invented: it shows the layout.")
        .fact("Test accuracy", "91.3 %", "95 % interval 90.2 to 92.3 %")
        .fact("Ceiling", "94.1 %", "what the input spikes allow")
        .fact("Shuffled connectome", "74.0 %", "same counts, other partners")
        .fact("Chance", "0.352 %", "one of 284")
        .fact("Kenyon cells active", "7.4 %", "per odour; 5 to 10 % in the fly")
        .section(training())
        .section(result())
        .section(activity())
        .section(
            Section::new("Where it comes from")
                .table(
                    Table::new("Files", ["file", "size", "sha256"])
                        .row(["circuit.h5", "3,211,264", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
                        .row(["odors.h5", "41,203,712", "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"]),
                )
                .text("Repeat it:")
                .code("kenyon demo --full --seed 1 --run fly\nkenyon eval fly --split test --json"),
        )
}

fn training() -> Section {
    let curve = |from: f64, to: f64, rate: f64, label: &str| {
        let mut noise = Streams::new(1).stream(label);
        (1..=30)
            .map(move |e| {
                (f64::from(e), to + (from - to) * (-f64::from(e) * rate).exp() * (1.0 + noise.random_range(-0.05..0.05)))
            })
            .collect::<Vec<_>>()
    };
    let loss = LineChart::new(Axis::new("epoch"), Axis::new("loss (nats)").range(0.0, 1.0))
        .series(Series::new("training", curve(6.0, 0.21, 0.35, "a")))
        .series(Series::new("validation", curve(6.0, 0.38, 0.3, "b")));
    let mut interrupted = curve(0.0, 0.915, 0.28, "d");
    interrupted[11].1 = f64::NAN;
    let accuracy = LineChart::new(Axis::new("epoch"), Axis::percent("accuracy"))
        .series(Series::new("training", curve(0.0, 0.95, 0.3, "c")))
        .series(Series::new("validation", interrupted))
        .series(Series::new("shuffled connectome, validation", curve(0.0, 0.74, 0.2, "e")))
        .reference("ceiling", 0.941)
        .reference("chance", 1.0 / 284.0);
    Section::new("Training")
        .figure(Figure::new(
            "Loss per epoch",
            "Both curves should fall; if validation rises while training falls, the network learns by heart.",
            loss,
        ))
        .figure(Figure::new(
            "Accuracy per epoch",
            "Validation should approach the ceiling, which is what the input spikes allow at best.",
            accuracy,
        ))
}

fn result() -> Section {
    let compared = DotChart::new(Axis::percent("test accuracy"))
        .dot(Dot::new("this network", 0.913).interval(0.902, 0.923))
        .dot(Dot::new("shuffled connectome", 0.740).interval(0.723, 0.756).control())
        .dot(Dot::new("untrained recurrent weights", 0.121).interval(0.110, 0.134).control())
        .dot(Dot::new("ceiling", 0.941).interval(0.932, 0.949).bound())
        .dot(Dot::new("chance", 1.0 / 284.0).bound());
    let mut draw = Streams::new(2).stream("confusion");
    let names: Vec<String> = (1..=284).map(|i| format!("odour {i}")).collect();
    let cells: Vec<(u32, u32, u64)> = (0..284)
        .flat_map(|odour| {
            let wrong = draw.random_range(0..4);
            let near = (odour + draw.random_range(1..9)) % 284;
            let far = draw.random_range(0..284);
            [(odour, odour, 10 - wrong), (odour, near, wrong / 2), (odour, far, wrong - wrong / 2)]
        })
        .collect();
    let margins: Vec<f64> = (0..2840).map(|_| draw.random_range(0.0..1.0f64).powi(2) * 2.0 - 0.1).collect();
    let small = HeatMap::new(
        "true odour",
        "answer",
        ["ethyl acetate", "2-heptanone", "geranyl acetate", "CO₂", "1-octen-3-ol", "water"],
        (0..6).flat_map(|i| [(i, i, 1 + 3u64.pow(i)), (i, (i + 1) % 6, u64::from(i))]),
    );
    Section::new("Result")
        .figure(Figure::new("Accuracy beside its controls", "The circle should lie right of the squares and near the ceiling; bars are 95 % intervals.", compared))
        .figure(Figure::new(
            "Margin of the decision",
            "Samples left of zero are answered wrongly; a heap just right of zero means fragile answers.",
            Histogram::of(Axis::new("largest readout less the second (mV)"), "samples", &margins, 40).reference("decision", 0.0),
        ))
        .figure(Figure::new(
            "Confusion of odours",
            "Right answers lie on the diagonal; squares away from it are confusions, and a column of them is an odour that is answered too often.",
            HeatMap::new("true odour", "answer", names, cells),
        ))
        .figure(Figure::new("Confusion of a few odours", "The same with names and counts, for small sets.", small))
}

fn activity() -> Section {
    let mut draw = Streams::new(3).stream("spikes");
    let mut raster = Raster::new(500.0).window(70.0, 500.0, "ethyl acetate");
    for (name, neurons, hz) in POPULATIONS {
        let mut spikes = Vec::new();
        for neuron in 0..neurons {
            let rate = hz * draw.random_range(0.0..2.0);
            for ms in 0..500 {
                let now = if ms < 70 { rate * 0.2 } else { rate };
                if draw.random_bool(now / 1000.0) {
                    spikes.push((neuron, ms as f32));
                }
            }
        }
        raster = raster.group(name, neurons, spikes);
    }
    let rates = DotChart::new(Axis::new("mean rate (Hz)"))
        .dots(POPULATIONS.map(|(name, _, hz)| Dot::new(name, hz).interval(hz * 0.8, hz * 1.15)));
    let shares = DotChart::new(Axis::percent("share with a spike"))
        .dots(POPULATIONS.map(|(name, _, hz)| Dot::new(name, 1.0 - (-hz * 0.43f64).exp())))
        .reference("fly, Kenyon cells", 0.1);
    Section::new("Activity")
        .figure(Figure::new(
            "Spikes of one sample",
            "Activity should follow the odour; Kenyon cells should be sparse, and no row should be a solid line.",
            raster,
        ))
        .figure(Figure::new(
            "Mean rate per population",
            "Rates far above 50 Hz, or exactly zero, point to a population that is saturated or dead.",
            rates,
        ))
        .figure(Figure::new(
            "Share of active neurons per population",
            "Kenyon cells should lie near the line, most others far right of it.",
            shares,
        ))
}

/// A page of plots that have little, nothing or far too much to show.
pub(crate) fn awkward() -> Page {
    let line = |points: &[(f64, f64)]| LineChart::new(Axis::new("x"), Axis::new("y")).series(Series::new("s", points.to_vec()));
    let figure = |plot: Plot| Figure::new("A figure", "Nothing.", plot);
    let dots =
        |values: &[f64]| DotChart::new(Axis::new("value")).dots(values.iter().map(|v| Dot::new("row", *v).interval(*v, *v)));
    let histogram = |values: &[f64]| Histogram::of(Axis::new("value"), "count", values, 10);
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let plots: Vec<Plot> = vec![
        LineChart::new(Axis::new(""), Axis::percent("")).into(),
        line(&[]).reference("nothing", nan).into(),
        line(&[(1.0, 5.0)]).into(),
        line(&[(nan, nan), (inf, 1.0), (1.0, -inf)]).into(),
        line(&[(0.0, 0.0), (1.0, 0.0)]).into(),
        line(&[(0.0, -1e308), (1e-9, 1e308)]).into(),
        line(&[(1e6, 1e-12), (1e6 + 1.0, 3e-12)]).into(),
        line(&[(0.0, 1e9), (1e8, 1e9 + 1.0)]).reference("one", 1e9).reference("two", 1e9).reference("three", 1e9).into(),
        DotChart::new(Axis::new("")).into(),
        dots(&[nan, inf, 1e308, -1e308]).reference("far", 1e300).into(),
        dots(&[0.0]).into(),
        histogram(&[]).into(),
        histogram(&[nan]).into(),
        histogram(&[3.0; 7]).into(),
        histogram(&[-1e308, 1e308]).into(),
        Raster::new(0.0).into(),
        Raster::new(nan).window(nan, 5.0, "odour").group("none", 0, [(0, 1.0)]).into(),
        Raster::new(10.0).window(20.0, -5.0, "odour").group("one", 1, [(0, 1.0), (7, 1.0), (0, f32::NAN)]).into(),
        HeatMap::new("", "", Vec::<String>::new(), [(0, 0, 1)]).into(),
        HeatMap::new("row", "column", ["one"], [(0, 0, u64::MAX), (0, 0, 1)]).into(),
        HeatMap::new("row", "column", ["a", "b"], []).into(),
        HeatMap::new("row", "column", (0..1201).map(|i| i.to_string()), (0..1201).map(|i| (i, 1200 - i, 1))).into(),
    ];
    let section = plots.into_iter().fold(Section::new("Awkward"), |section, plot| section.figure(figure(plot)));
    Page::new("").section(section).section(Section::new("Empty").table(Table::new("", Vec::<String>::new())))
}
