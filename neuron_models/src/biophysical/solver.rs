//! One step of a neuron, or of a batch of equal neurons with different inputs, in NEURON's fixed-step order.
//!
//! | module | owns |
//! |---|---|
//! | here | [`Cells`]: the state; the order of a step |
//! | [`tree`] | the linear system of the tree and its elimination (Hines 1984) |
//! | [`electrode`] | injected currents |
//! | [`guard`] | what is said when a potential leaves all bounds |
//!
//! A step from `t` to `t + dt` (specification of biophysical neurons, section 2):
//!
//! 1. events with a time up to `t + dt/2` are delivered;
//! 2. the reversal potential of calcium follows its concentration;
//! 3. currents and slopes of all mechanisms at the present potential and states; electrodes at `t + dt/2`;
//! 4. one implicit step of the tree gives the new potential;
//! 5. gates that follow the voltage, calcium with the current of 3, gates that follow calcium, synapses.
//!
//! What an [`Observer`] sees as currents are those of 3: with the old potential and states. Since nothing but events stands between 5
//! and the 2 and 3 of the next step, the currents of channels are summed up while their gates are at hand.

pub mod electrode;
pub mod guard;
pub mod tree;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

pub use electrode::{Electrode, Waveform};

use self::tree::Elimination;
use super::mechanism::{Calcium, CalciumPool, Drive, GatesTogether, Grid, Ion, Mechanism, TableError};
use super::neuron::Neuron;
use super::synapse::{EventQueue, Receptor, ReceptorBlock, ReceptorInstance, merge};

/// How the potential is integrated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// First order, stable: the default everywhere, as in NEURON.
    #[default]
    ImplicitEuler,
    /// Second order (NEURON's `secondorder = 2`).
    CrankNicolson,
}

impl Scheme {
    /// What divides the capacitance in terms of `dt`, and what the solution is multiplied by.
    fn factors(self) -> (f64, f64) {
        match self {
            Self::ImplicitEuler => (1.0, 1.0),
            Self::CrankNicolson => (2.0, 2.0),
        }
    }
}

/// How a neuron is simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Time step, ms.
    pub dt_ms: f64,
    /// Scheme.
    pub scheme: Scheme,
    /// Potential that everything starts from, mV; the recipe's unless given.
    pub v_init_mv: Option<f64>,
    /// Whether rates are interpolated from tables, on this grid.
    pub tables: Option<Grid>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { dt_ms: 0.025, scheme: Scheme::ImplicitEuler, v_init_mv: None, tables: None }
    }
}

/// A synapse: receptors at a node that the same events reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Synapse {
    /// The node.
    pub node: u32,
    /// Each kind of receptor with the peak conductance (µS) of an event of weight 1.
    pub receptors: Vec<(Receptor, f64)>,
}

/// Where events of a synapse go: block, instance, factor of their weight.
type Target = (u32, u32, f64);

/// Sees what happens in a step.
pub trait Observer {
    /// Currents were computed, of the present potential and states; the step has not begun yet.
    fn currents(&mut self, _: &Cells) {}

    /// A step has ended (at the beginning: everything is at its start).
    ///
    /// # Errors
    /// Whatever keeps it from going on.
    fn stepped(&mut self, cells: &Cells) -> Result<()>;
}

/// One cell, or several equal ones, in the middle of a simulation.
///
/// Quantities of nodes have `index = node * lanes + lane`.
pub struct Cells {
    lanes: usize,
    settings: Settings,
    elimination: Elimination,
    v: Vec<f64>,
    rhs: Vec<f64>,
    diag: Vec<f64>,
    calcium: Calcium,
    pool: CalciumPool,
    /// Channels that follow the voltage, then those that follow calcium.
    mechanisms: Vec<Box<dyn Mechanism>>,
    /// How many of them follow the voltage.
    by_voltage: usize,
    /// How each of them takes part in a step.
    roles: Vec<Role>,
    /// Gates of those that are moved together.
    together: GatesTogether,
    arch: pulp::Arch,
    receptors: Vec<ReceptorBlock>,
    /// Targets of synapse k: `targets[target_ptr[k]..target_ptr[k + 1]]`.
    target_ptr: Vec<u32>,
    targets: Vec<Target>,
    electrodes: Vec<Electrode>,
    /// Events of each cell.
    events: Vec<EventQueue>,
    step: u64,
    /// Time that events and electrodes are held against, ms.
    clock_ms: f64,
    v_init_mv: f64,
    names: guard::Names,
}

impl Cells {
    /// `lanes` cells of a neuron: 1, or a multiple of 8.
    ///
    /// # Errors
    /// `bad-time-step`.
    ///
    /// # Panics
    /// If `lanes` is neither 1 nor a multiple of 8.
    pub fn new(neuron: &Neuron, lanes: usize, settings: Settings) -> Result<Self> {
        let dt = settings.dt_ms;
        if !(dt.is_finite() && (1e-6..=10.0).contains(&dt)) {
            return Err(UserError::usage("bad-time-step", "no neuron can be simulated with this time step")
                .found(format!("{dt} ms"))
                .expected("1e-6 to 10 ms; 0.025 is usual"));
        }
        let nodes = neuron.cable.nodes.len();
        let (mut by_voltage, by_calcium): (Vec<_>, Vec<_>) =
            neuron.mechanisms(lanes).into_iter().partition(|m| m.info().drive == Drive::Voltage);
        let count = by_voltage.len();
        by_voltage.extend(by_calcium);
        let (calcium, pool) = neuron.calcium(lanes);
        let (divide, multiply) = settings.scheme.factors();
        let constant: Vec<_> = by_voltage.iter().filter_map(|m| m.constant()).flatten().collect();
        let v_init_mv = settings.v_init_mv.unwrap_or(neuron.recipe.v_init_mv);
        let mut cells = Self {
            lanes,
            settings,
            elimination: Elimination::new(&neuron.cable, &constant, dt / divide, multiply, lanes),
            v: vec![v_init_mv; nodes * lanes],
            rhs: vec![0.0; nodes * lanes],
            diag: vec![0.0; nodes * lanes],
            calcium,
            pool,
            mechanisms: by_voltage,
            by_voltage: count,
            roles: Vec::new(),
            together: GatesTogether::default(),
            arch: pulp::Arch::new(),
            receptors: Vec::new(),
            target_ptr: vec![0],
            targets: Vec::new(),
            electrodes: Vec::new(),
            events: vec![EventQueue::default(); lanes],
            step: 0,
            clock_ms: 0.0,
            v_init_mv,
            names: guard::Names::new(&neuron.cable),
        };
        if let Some(grid) = settings.tables {
            for mechanism in &mut cells.mechanisms {
                mechanism.use_table(grid, dt)?;
            }
        }
        cells.roles = cells.mechanisms.iter().map(|m| Role::of(&**m)).collect();
        cells.together = GatesTogether::with_gates(cells.mechanisms.iter().map(|m| m.gates_together()).sum());
        cells.init();
        Ok(cells)
    }

    /// The synapses, in the order that events count them; those that there were are gone.
    ///
    /// `together` joins receptors of one kind at one node: the same currents up to rounding, in fewer states, but none can be looked
    /// at alone.
    ///
    /// # Errors
    /// `bad-synapse` for a node that does not exist or a conductance that is none; impossible time constants.
    pub fn set_synapses(&mut self, synapses: &[Synapse], together: bool) -> Result<()> {
        let nodes = self.v.len() / self.lanes;
        let mut kinds: Vec<(Receptor, Vec<ReceptorInstance>)> = Vec::new();
        let (mut target_ptr, mut targets) = (vec![0], Vec::new());
        for (k, synapse) in synapses.iter().enumerate() {
            for &(receptor, gmax_us) in &synapse.receptors {
                if synapse.node as usize >= nodes || !(gmax_us.is_finite() && gmax_us >= 0.0) {
                    return Err(UserError::bad_data("bad-synapse", format!("synapse {k} cannot be"))
                        .found(format!("{gmax_us} µS at node {}", synapse.node))
                        .expected(format!("a conductance of 0 or more at one of {nodes} nodes")));
                }
                let block = kinds.iter().position(|(kind, _)| *kind == receptor).unwrap_or_else(|| {
                    kinds.push((receptor, Vec::new()));
                    kinds.len() - 1
                });
                let instances = &mut kinds[block].1;
                targets.push((block as u32, instances.len() as u32, 1.0));
                instances.push(ReceptorInstance { node: synapse.node, gmax_us });
            }
            target_ptr.push(targets.len() as u32);
        }
        if together {
            for (block, (_, instances)) in kinds.iter_mut().enumerate() {
                let merged = merge(instances);
                for target in targets.iter_mut().filter(|t| t.0 as usize == block) {
                    (target.1, target.2) = merged.targets[target.1 as usize];
                }
                *instances = merged.instances;
            }
        }
        let blocks = kinds.iter().map(|(receptor, instances)| ReceptorBlock::new(*receptor, instances, self.lanes));
        self.receptors = blocks.collect::<Result<_>>()?;
        (self.target_ptr, self.targets) = (target_ptr, targets);
        Ok(())
    }

    /// Adds an electrode.
    pub fn add_electrode(&mut self, electrode: Electrode) {
        self.electrodes.push(electrode);
    }

    /// The events of one cell.
    ///
    /// # Errors
    /// `bad-event` for a time before 0 ms, or a synapse that does not exist.
    pub fn set_events(&mut self, lane: usize, events: EventQueue) -> Result<()> {
        let synapses = self.target_ptr.len() - 1;
        for event in events.events() {
            if event.time_ms < 0.0 || event.synapse as usize >= synapses {
                return Err(UserError::bad_data("bad-event", "no synapse can receive this event")
                    .found(format!("synapse {} at {} ms", event.synapse, event.time_ms))
                    .expected(format!("a time from 0 ms on and one of {synapses} synapses")));
            }
        }
        self.events[lane] = events;
        Ok(())
    }

    /// Back to the start: everything at the first potential, gates at their steady state, nothing delivered.
    pub fn init(&mut self) {
        let Self { v, calcium, pool, mechanisms, receptors, events, .. } = self;
        v.fill(self.v_init_mv);
        *calcium = Calcium::new(v.len() / self.lanes, self.lanes);
        pool.start_step(calcium);
        for m in mechanisms {
            m.init(v, calcium);
        }
        receptors.iter_mut().for_each(ReceptorBlock::init);
        events.iter_mut().for_each(EventQueue::rewind);
        self.step = 0;
        self.clock_ms = 0.0;
    }

    /// Goes on for `steps` steps; the observer sees each of them, and before the first of a simulation the start.
    ///
    /// # Errors
    /// `left-bounds` if a potential is no number any more; what the observer says.
    pub fn run(&mut self, steps: u64, observer: &mut impl Observer) -> Result<()> {
        self.channel_currents();
        if self.step == 0 {
            observer.currents(self);
            observer.stepped(self)?;
        }
        for _ in 0..steps {
            self.deliver();
            self.receptor_currents();
            observer.currents(self);
            self.inject();
            if !self.solve() {
                return Err(guard::left_bounds(self));
            }
            self.advance();
            self.step += 1;
            let half = 0.5 * self.settings.dt_ms;
            self.clock_ms = self.clock_ms + half + half;
            observer.stepped(self)?;
        }
        Ok(())
    }

    /// 1: events up to half a step ahead.
    fn deliver(&mut self) {
        let until = self.mid_step_ms();
        for (lane, queue) in self.events.iter_mut().enumerate() {
            for event in queue.due(until) {
                let [from, to] = [0, 1].map(|k| self.target_ptr[event.synapse as usize + k] as usize);
                for &(block, instance, factor) in &self.targets[from..to] {
                    self.receptors[block as usize].deliver(instance as usize, lane, event.weight * factor);
                }
            }
        }
    }

    /// 2 and 3 for channels: currents into the right side, slopes into the diagonal. In the order of [`Cells::advance`].
    fn channel_currents(&mut self) {
        let Self { v, rhs, diag, calcium, pool, mechanisms, roles, by_voltage, .. } = self;
        self.elimination.begin(v, rhs, diag);
        let (by_voltage, by_calcium) = mechanisms.split_at(*by_voltage);
        for (m, role) in by_voltage.iter().zip(&*roles) {
            if role.waits == Waits::No {
                m.add_currents(v, calcium, rhs, diag);
            }
        }
        pool.start_step(calcium);
        for (m, role) in by_voltage.iter().zip(&*roles) {
            if role.waits == Waits::ForCalcium {
                m.add_currents(v, calcium, rhs, diag);
            }
        }
        for m in by_calcium {
            m.add_currents(v, calcium, rhs, diag);
        }
    }

    /// 3 for receptors.
    fn receptor_currents(&mut self) {
        let Self { v, rhs, diag, receptors, .. } = self;
        for r in receptors {
            r.add_currents(v, rhs, diag);
        }
    }

    /// 3: electrodes at the middle of the step.
    fn inject(&mut self) {
        let t_mid = self.mid_step_ms();
        for electrode in &self.electrodes {
            let i = electrode.waveform.at(t_mid);
            if i != 0.0 {
                let first = electrode.node as usize * self.lanes;
                match electrode.lane {
                    Some(lane) => self.rhs[first + lane as usize] += i,
                    None => self.rhs[first..first + self.lanes].iter_mut().for_each(|rhs| *rhs += i),
                }
            }
        }
    }

    /// 4: the new potential; false if it is no potential.
    fn solve(&mut self) -> bool {
        self.elimination.solve(&mut self.v, &mut self.rhs, &mut self.diag)
    }

    /// 5: states at the new potential, and with it 2 and 3 of the next step for channels.
    fn advance(&mut self) {
        let dt = self.settings.dt_ms;
        let Self { v, rhs, diag, calcium, pool, mechanisms, roles, together, receptors, by_voltage, .. } = self;
        self.elimination.begin(v, rhs, diag);
        let (by_voltage, by_calcium) = mechanisms.split_at_mut(*by_voltage);
        together.rewind();
        for (m, _) in by_voltage.iter().zip(&*roles).filter(|(_, role)| role.together) {
            m.hand_over(v, together);
        }
        together.shares(self.arch, dt);
        together.rewind();
        for (m, role) in by_voltage.iter_mut().zip(&*roles) {
            match role.waits {
                Waits::Always => {}
                Waits::ForCalcium if role.together => m.take_back(together, v, None),
                Waits::ForCalcium => m.advance(v, calcium, dt),
                Waits::No if role.together => m.take_back(together, v, Some((&mut *rhs, &mut *diag))),
                Waits::No => m.advance_and_add(v, calcium, dt, rhs, diag),
            }
        }
        pool.advance(calcium, dt);
        pool.start_step(calcium);
        for (m, role) in by_voltage.iter().zip(&*roles) {
            if role.waits == Waits::ForCalcium {
                m.add_currents(v, calcium, rhs, diag);
            }
        }
        for m in by_calcium {
            m.advance_and_add(v, calcium, dt, rhs, diag);
        }
        for r in receptors {
            r.advance(dt);
        }
    }

    /// Runs on another instruction set from now on: same bits, other speed. Synapses that are set later choose for themselves.
    pub fn run_on(&mut self, arch: pulp::Arch) {
        self.arch = arch;
        self.elimination.run_on(arch);
        self.pool = self.pool.clone().on(arch);
        for m in &mut self.mechanisms {
            m.run_on(arch);
        }
        for r in &mut self.receptors {
            r.run_on(arch);
        }
    }

    /// The middle of the step to come, ms, as NEURON has it: by a clock that adds up half steps and their rounding errors. On it
    /// depends in which step an event half way between two is delivered.
    fn mid_step_ms(&self) -> f64 {
        self.clock_ms + 0.5 * self.settings.dt_ms
    }

    /// Time, ms: steps done times the step.
    pub fn t_ms(&self) -> f64 {
        self.step as f64 * self.settings.dt_ms
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// How many cells there are.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Potentials of all nodes, mV.
    pub fn v(&self) -> &[f64] {
        &self.v
    }

    /// Potential of a node of a cell, mV.
    pub fn v_at(&self, node: u32, lane: usize) -> f64 {
        self.v[node as usize * self.lanes + lane]
    }

    /// Calcium.
    pub fn calcium(&self) -> &Calcium {
        &self.calcium
    }

    /// Channels: those that follow the voltage, then those that follow calcium.
    pub fn mechanisms(&self) -> &[Box<dyn Mechanism>] {
        &self.mechanisms
    }

    /// Number of synapses.
    pub fn synapse_count(&self) -> usize {
        self.target_ptr.len() - 1
    }

    /// Receptors of a synapse: block and instance, in the order they were given.
    pub fn receptors(&self, synapse: u32) -> impl Iterator<Item = (&ReceptorBlock, usize)> {
        let [from, to] = [0, 1].map(|k| self.target_ptr[synapse as usize + k] as usize);
        self.targets[from..to].iter().map(|&(block, instance, _)| (&self.receptors[block as usize], instance as usize))
    }
}

/// How a channel takes part in a step.
#[derive(Debug, Clone, Copy)]
struct Role {
    waits: Waits,
    /// Whether its gates are moved with those of others.
    together: bool,
}

/// What the current of a channel waits for, once its gates have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// Its conductance never changes: the system contains it.
    Always,
    /// The concentration of calcium.
    ForCalcium,
    /// Nothing.
    No,
}

impl Role {
    fn of(mechanism: &dyn Mechanism) -> Self {
        let waits = match mechanism.info() {
            info if info.ion == Ion::Calcium => Waits::ForCalcium,
            info if info.gates.is_empty() => Waits::Always,
            _ => Waits::No,
        };
        Self { waits, together: mechanism.gates_together() > 0 }
    }
}

/// Errors of the tables that a neuron would use.
///
/// # Errors
/// A grid that holds no table.
pub fn table_errors(neuron: &Neuron, grid: Grid, dt_ms: f64) -> Result<Vec<(&'static str, TableError)>> {
    let mut out = Vec::new();
    for mut mechanism in neuron.mechanisms(1) {
        let name = mechanism.info().name;
        out.extend(mechanism.use_table(grid, dt_ms)?.into_iter().map(|error| (name, error)));
    }
    Ok(out)
}
