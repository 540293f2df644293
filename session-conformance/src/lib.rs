//! The contract of a session backend as named clauses, a strict in-memory backend, and mutants.
