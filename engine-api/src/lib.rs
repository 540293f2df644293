//! Sessions in containers, over the API that Docker and Podman share.
//!
//! The one door to bollard: `backend-docker` and `backend-podman` are thin over
//! [`ContainerBackend`], and no type of bollard is in a public signature.

mod account;
mod account_files;
mod backend;
mod container;
mod create;
mod dialect;
mod endpoint;
mod engine;
mod exec;
mod failure;
mod hijack;
mod identity;
mod image;
mod images;
mod labels;
mod launch;
mod limits;
mod list;
mod main_process;
mod mounts;
mod network;
mod place;
mod platform;
mod probe;
mod session;
mod signal;
mod start;
mod stats;
mod status;
mod stop;
mod streams;
mod transfer;
mod upload;

pub use backend::{ContainerBackend, EngineHost};
pub use dialect::Dialect;
pub use endpoint::{Address, Endpoint, EngineView, SshPlace, TlsFiles};
pub use engine::{Engine, Facts, Limits};
pub use identity::{EngineKind, Identity};
pub use images::{BuildRequest, ImageFacts, ImageName, ImageProgress, ImageSummary};
pub use platform::Platform;
pub use probe::{explanations, probe};
