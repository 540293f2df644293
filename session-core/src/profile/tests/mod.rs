//! Profiles: read, put over each other, checked.

mod merging;
mod plans;
mod reading;
mod shipped;
mod templates;
