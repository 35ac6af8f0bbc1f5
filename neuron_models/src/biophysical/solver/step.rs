//! The order of a step.

use kenyon_base::Result;

use super::{Cells, Observer, guard};
use crate::biophysical::mechanism::{Ion, Mechanism};

impl Cells {
    /// Goes on for `steps` steps; the observer sees each of them, and before the first of a simulation the start.
    ///
    /// # Errors
    /// `left-bounds` if a potential is no number any more; what the observer says.
    pub fn run(&mut self, steps: u64, observer: &mut impl Observer) -> Result<()> {
        if !self.sums_at_hand {
            self.channel_currents();
            self.sums_at_hand = true;
        }
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
                self.sums_at_hand = false;
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
        let lanes = self.lanes;
        let places = |node: u32, lane: Option<u32>| {
            let first = node as usize * lanes;
            lane.map_or(first..first + lanes, |lane| first + lane as usize..first + lane as usize + 1)
        };
        for electrode in &self.electrodes {
            let i = electrode.waveform.at(t_mid);
            if i != 0.0 {
                self.rhs[places(electrode.node, electrode.lane)].iter_mut().for_each(|rhs| *rhs += i);
            }
        }
        for clamp in &self.voltage_clamps {
            let Some(command_mv) = clamp.command_mv(t_mid) else { continue };
            let g_us = 1.0 / clamp.rs_mohm;
            for at in places(clamp.node, clamp.lane) {
                self.rhs[at] += g_us * (command_mv - self.v[at]);
                self.diag[at] += g_us;
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
}

/// How a channel takes part in a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
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
    pub(super) fn of(mechanism: &dyn Mechanism) -> Self {
        let waits = match mechanism.info() {
            info if info.ion == Ion::Calcium => Waits::ForCalcium,
            info if info.gates.is_empty() => Waits::Always,
            _ => Waits::No,
        };
        Self { waits, together: mechanism.gates_together() > 0 }
    }
}
