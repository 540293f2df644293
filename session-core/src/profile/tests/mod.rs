//! Profiles: read, put over each other, checked.

mod extending;
mod merging;
mod plans;
mod reading;
mod sense;
mod shipped;
mod templates;
