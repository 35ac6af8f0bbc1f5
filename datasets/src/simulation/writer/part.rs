//! The arrays of one part of a set, written simulation by simulation.

use half::f16;
use kenyon_base::{PlainWriter, Result, RowWriter, UserError};

use crate::simulation::about::{SetAbout, WeightType};
use crate::simulation::plan::Event;
use crate::simulation::record::Record;
use crate::simulation::spec::Part;

/// Elements of a ragged array that are compressed together.
const CHUNK: usize = 1 << 14;
/// Bins between two entries of the table that finds the events of a window.
pub(in crate::simulation) const BLOCK_MS: usize = 256;

/// Whole numbers of two or four bytes.
#[derive(Debug)]
enum Whole {
    Narrow(RowWriter<u16>),
    Wide(RowWriter<u32>),
}

impl Whole {
    fn new(out: &PlainWriter, name: &str, values: usize) -> Result<Self> {
        // `values` numbers from 0 on.
        if values <= 1 << 16 { out.rows(name, &[], CHUNK).map(Self::Narrow) } else { out.rows(name, &[], CHUNK).map(Self::Wide) }
    }

    fn append(&mut self, values: impl Iterator<Item = u32>) -> Result<()> {
        match self {
            Self::Narrow(rows) => rows.append(&values.map(|v| v as u16).collect::<Vec<_>>()),
            Self::Wide(rows) => rows.append(&values.collect::<Vec<_>>()),
        }
    }

    fn finish(self) -> Result<usize> {
        match self {
            Self::Narrow(rows) => rows.finish(),
            Self::Wide(rows) => rows.finish(),
        }
    }
}

#[derive(Debug)]
enum Weights {
    F16(RowWriter<f16>),
    F32(RowWriter<f32>),
    F64(RowWriter<f64>),
}

impl Weights {
    fn new(out: &PlainWriter, name: &str, kind: WeightType) -> Result<Self> {
        Ok(match kind {
            WeightType::F16 => Self::F16(out.rows(name, &[], CHUNK)?),
            WeightType::F32 => Self::F32(out.rows(name, &[], CHUNK)?),
            WeightType::F64 => Self::F64(out.rows(name, &[], CHUNK)?),
        })
    }

    fn append(&mut self, events: &[Event]) -> Result<()> {
        match self {
            Self::F16(rows) => rows.append(&events.iter().map(|e| f16::from_f64(e.weight)).collect::<Vec<_>>()),
            Self::F32(rows) => rows.append(&events.iter().map(|e| e.weight as f32).collect::<Vec<_>>()),
            Self::F64(rows) => rows.append(&events.iter().map(|e| e.weight).collect::<Vec<_>>()),
        }
    }

    fn finish(self) -> Result<usize> {
        match self {
            Self::F16(rows) => rows.finish(),
            Self::F32(rows) => rows.finish(),
            Self::F64(rows) => rows.finish(),
        }
    }
}

/// Further recordings of a part: name, shape, array.
type Extras = Vec<(String, Vec<usize>, RowWriter<f32>)>;

/// The arrays of one part under construction.
#[derive(Debug)]
pub(super) struct PartWriter {
    pub(super) part: Part,
    sim: RowWriter<u32>,
    seed: RowWriter<u64>,
    duration: RowWriter<u32>,
    warmup: RowWriter<u32>,
    kept: RowWriter<u8>,
    failed: Vec<String>,
    left_bounds_ms: RowWriter<f64>,
    sha256: Vec<String>,
    n_spikes: RowWriter<u32>,
    rate_hz: RowWriter<f64>,
    trials: RowWriter<u32>,
    event_ptr: RowWriter<u64>,
    block_ptr: RowWriter<u32>,
    events: u64,
    row: Whole,
    t: Whole,
    w: Weights,
    spike_ptr: RowWriter<u64>,
    spikes: u64,
    t_ms: RowWriter<f32>,
    soma_v: RowWriter<f32>,
    branch_v: Option<RowWriter<f16>>,
    near_spike: RowWriter<u8>,
    inst_rate: RowWriter<f32>,
    extra: Extras,
}

impl PartWriter {
    pub(super) fn new(out: &PlainWriter, about: &SetAbout, part: Part, first: &Record) -> Result<Self> {
        let name = |path: &str| format!("{}/{path}", part.name());
        let bins = about.duration_ms as usize;
        let blocks = about.bins().div_ceil(BLOCK_MS) + 1;
        let mut event_ptr = out.rows(&name("events/ptr"), &[], CHUNK)?;
        event_ptr.append(&[0_u64])?;
        let mut spike_ptr = out.rows(&name("spikes/ptr"), &[], CHUNK)?;
        spike_ptr.append(&[0_u64])?;
        let extra = first
            .extra
            .iter()
            .map(|e| Ok((e.name.clone(), e.shape.clone(), out.rows(&name(&format!("extra/{}", e.name)), &e.shape, 1)?)));
        Ok(Self {
            part,
            sim: out.rows(&name("index/sim"), &[], CHUNK)?,
            seed: out.rows(&name("index/seed"), &[], CHUNK)?,
            duration: out.rows(&name("index/t"), &[], CHUNK)?,
            warmup: out.rows(&name("index/warmup"), &[], CHUNK)?,
            kept: out.rows(&name("index/kept"), &[], CHUNK)?,
            failed: Vec::new(),
            left_bounds_ms: out.rows(&name("index/left_bounds_ms"), &[], CHUNK)?,
            sha256: Vec::new(),
            n_spikes: out.rows(&name("index/n_spikes"), &[], CHUNK)?,
            rate_hz: out.rows(&name("index/rate_hz"), &[], CHUNK)?,
            trials: out.rows(&name("index/trials"), &[], CHUNK)?,
            event_ptr,
            block_ptr: out.rows(&name("events/block_ptr"), &[blocks], (CHUNK / blocks).max(1))?,
            events: 0,
            row: Whole::new(out, &name("events/row"), about.rows())?,
            t: Whole::new(out, &name("events/t"), about.bins())?,
            w: Weights::new(out, &name("events/w"), about.weight)?,
            spike_ptr,
            spikes: 0,
            t_ms: out.rows(&name("spikes/t_ms"), &[], CHUNK)?,
            soma_v: out.rows(&name("soma_v"), &[bins], 1)?,
            branch_v: match about.branches() {
                0 => None,
                n => Some(out.rows(&name("branch_v"), &[n, bins], 1)?),
            },
            near_spike: out.rows(&name("near_spike"), &[bins.div_ceil(8)], 1)?,
            inst_rate: out.rows(&name("inst_rate"), &[bins], 1)?,
            extra: extra.collect::<Result<_>>()?,
        })
    }

    pub(super) fn append(&mut self, record: &Record, about: &SetAbout) -> Result<()> {
        let summary = record.summary(about);
        self.sim.append(&[record.item.index])?;
        self.seed.append(&[record.seed])?;
        self.duration.append(&[about.duration_ms])?;
        self.warmup.append(&[about.warmup_ms])?;
        self.kept.append(&[u8::from(record.failed.is_none())])?;
        self.failed.push(record.failed.clone().unwrap_or_default());
        self.left_bounds_ms.append(&[record.left_bounds_ms.unwrap_or(f64::NAN)])?;
        self.sha256.push(record.sha256());
        self.n_spikes.append(&[summary.n_spikes])?;
        self.rate_hz.append(&[summary.rate_hz])?;
        self.trials.append(&[record.trials])?;
        let blocks = about.bins().div_ceil(BLOCK_MS);
        let found = (0..=blocks).map(|b| record.events.partition_point(|e| (e.t as usize) < b * BLOCK_MS) as u32);
        self.block_ptr.append(&found.collect::<Vec<_>>())?;
        self.row.append(record.events.iter().map(|e| e.row))?;
        self.t.append(record.events.iter().map(|e| e.t))?;
        self.w.append(&record.events)?;
        self.events += record.events.len() as u64;
        self.event_ptr.append(&[self.events])?;
        self.t_ms.append(&record.spikes_ms)?;
        self.spikes += record.spikes_ms.len() as u64;
        self.spike_ptr.append(&[self.spikes])?;
        self.soma_v.append(&record.soma_v)?;
        if let Some(rows) = &mut self.branch_v {
            rows.append(&record.branch_v)?;
        }
        self.near_spike.append(&pack(&record.near_spike))?;
        self.inst_rate.append(&record.inst_rate)?;
        let same = self.extra.len() == record.extra.len()
            && self.extra.iter().zip(&record.extra).all(|((name, shape, _), e)| (name, shape) == (&e.name, &e.shape));
        if !same {
            return Err(UserError::bad_data("bad-record", "the simulations of a part differ in their further recordings")
                .found(format!("{} {}", record.item.part.name(), record.item.index))
                .expected("the names and shapes of the first one")
                .mend("record the same in all simulations"));
        }
        self.extra.iter_mut().zip(&record.extra).try_for_each(|((_, _, rows), e)| rows.append(&e.data))
    }

    pub(super) fn finish(self, out: &PlainWriter) -> Result<()> {
        for (name, texts) in [("failed", &self.failed), ("sha256", &self.sha256)] {
            out.write_texts(&format!("{}/index/{name}", self.part.name()), &[texts.len()], texts)?;
        }
        for rows in [self.sim, self.duration, self.warmup, self.n_spikes, self.trials, self.block_ptr] {
            rows.finish()?;
        }
        for rows in [self.seed, self.event_ptr, self.spike_ptr] {
            rows.finish()?;
        }
        for rows in [self.t_ms, self.soma_v, self.inst_rate].into_iter().chain(self.extra.into_iter().map(|e| e.2)) {
            rows.finish()?;
        }
        for rows in [self.kept, self.near_spike] {
            rows.finish()?;
        }
        self.rate_hz.finish()?;
        self.left_bounds_ms.finish()?;
        self.branch_v.map_or(Ok(0), RowWriter::finish)?;
        self.row.finish()?;
        self.t.finish()?;
        self.w.finish()?;
        Ok(())
    }
}

/// Flags in bytes, the first one in the highest bit, as `numpy.packbits` has them.
fn pack(flags: &[bool]) -> Vec<u8> {
    flags.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |b, (i, &f)| b | (u8::from(f) << (7 - i)))).collect()
}

/// The inverse of [`pack`].
pub(in crate::simulation) fn unpack(bytes: &[u8], n: usize) -> Vec<bool> {
    (0..n).map(|i| bytes[i / 8] >> (7 - i % 8) & 1 == 1).collect()
}
