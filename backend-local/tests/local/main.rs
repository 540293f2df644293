//! backend-local.
