//! Sessions in directories of the host.
