//! The holder of a session's terminal: one reader, any number of clients, and the screen between them.
