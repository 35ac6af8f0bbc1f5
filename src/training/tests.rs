//! Claims about training as a whole, on a small circuit.
