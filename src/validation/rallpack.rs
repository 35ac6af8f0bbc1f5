//! Rallpack
