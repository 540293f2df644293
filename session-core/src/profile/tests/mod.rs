//! Profiles: read, put over each other, checked.

mod merging;
mod reading;
mod shipped;
mod templates;
