//! One step of a neuron, or of a batch of equal neurons with different inputs, in NEURON's fixed-step order.
//!
//! | module | owns |
//! |---|---|
//! | here | [`Cells`]: the state |
//! | [`settings`] | time step, scheme, tables |
//! | `step` | the order of a step |
//! | [`tree`] | the linear system of the tree and its elimination (Hines 1984) |
//! | [`electrode`] | injected currents, voltage clamps |
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
pub mod settings;
mod step;
pub mod tree;

use kenyon_base::{Result, UserError};

pub use electrode::{Electrode, Level, VoltageClamp, Waveform};
pub use settings::{Scheme, Settings, long_step, time_step};

use self::step::Role;
use self::tree::Elimination;
use super::mechanism::{Calcium, CalciumPool, Drive, GatesTogether, Grid, Mechanism, TableError};
use super::neuron::Neuron;
use super::synapse::{EventQueue, Receptor, ReceptorBlock, ReceptorInstance, merge};

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
    voltage_clamps: Vec<VoltageClamp>,
    /// Events of each cell.
    events: Vec<EventQueue>,
    step: u64,
    /// Time that events and electrodes are held against, ms.
    clock_ms: f64,
    v_init_mv: f64,
    /// Whether right side and diagonal hold the channels' currents of the present potential and states.
    sums_at_hand: bool,
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
        let dt = time_step(settings.dt_ms)?;
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
            voltage_clamps: Vec::new(),
            events: vec![EventQueue::default(); lanes],
            step: 0,
            clock_ms: 0.0,
            v_init_mv,
            sums_at_hand: false,
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

    /// Adds a voltage clamp; they are counted from 0 in the order they are added.
    pub fn add_voltage_clamp(&mut self, clamp: VoltageClamp) {
        self.voltage_clamps.push(clamp);
    }

    /// The current, nA, that a voltage clamp has sent into a cell in the step that led here; 0 at the start and while it is off.
    ///
    /// `(command - V) / rs` with the potential after the step, as the implicit step has it (and NEURON's `SEClamp` reports it).
    pub fn clamp_current_na(&self, clamp: u32, lane: usize) -> f64 {
        let clamp = &self.voltage_clamps[clamp as usize];
        let Some(before) = self.step.checked_sub(1) else { return 0.0 };
        // The same sum as in the step, so that a level that ends at its middle ends here too.
        let command_mv = clamp.command_mv(before as f64 * self.settings.dt_ms + 0.5 * self.settings.dt_ms);
        let here = clamp.lane.is_none_or(|only| only as usize == lane);
        command_mv.filter(|_| here).map_or(0.0, |command_mv| (command_mv - self.v_at(clamp.node, lane)) / clamp.rs_mohm)
    }

    /// Number of voltage clamps.
    pub fn voltage_clamp_count(&self) -> usize {
        self.voltage_clamps.len()
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
        calcium.reset();
        pool.start_step(calcium);
        for m in mechanisms {
            m.init(v, calcium);
        }
        receptors.iter_mut().for_each(ReceptorBlock::init);
        events.iter_mut().for_each(EventQueue::rewind);
        self.step = 0;
        self.clock_ms = 0.0;
        self.sums_at_hand = false;
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
