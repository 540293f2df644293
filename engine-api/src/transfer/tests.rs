//! On every engine there is, with containers and volumes that are made here.

mod reclaim;
mod support;
mod through_the_engine;
mod volume;
