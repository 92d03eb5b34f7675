//! The bridge over real stores. Where a store has to misbehave on purpose, [`faulty::FaultyStore`] stands
//! before a real one; nothing here pretends to be a store.

mod closing;
mod faulty;
mod flushing;
mod harness;
mod letters;
mod noting;
mod opening;
mod outage;
mod postgres;
