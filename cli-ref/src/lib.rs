//! The reference command sessctl, and the library it is built from.
