//! Two sessions and one login, which runs out: it is renewed once (issue 4, "State and sharing").
