//! backend-local from the outside: processes, files and archives as the contract promises them.

mod exec;
mod lost;
mod main_process;
mod odd_state;
mod places;
mod probe;
mod stop;
mod support;
mod transfer;
mod transfer_attacks;
