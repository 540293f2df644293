//! The engines that containers run in, as this machine and its person have them.

mod images;

use std::sync::Arc;

use backend_docker::DockerBackend;
use backend_podman::PodmanBackend;
use session_core::{Backend, Backends, Layout};

pub(crate) use images::{Build, BuiltImage, Images};

use crate::surroundings::engine_host;

/// The kinds of backends that make containers, the one that is preferred first.
pub(crate) const ENGINES: [&str; 2] = [backend_docker::KIND, backend_podman::KIND];

/// Adds the backends of all engines. What they need to know is read when one is first used: by a
/// holder, too, which knows nothing but its request.
pub(crate) fn with_engines(backends: Backends) -> Backends {
    let docker = |layout: &Layout| {
        let host = engine_host(backend_docker::KIND)?;
        Ok(Arc::new(DockerBackend::new(layout, host)) as Arc<dyn Backend>)
    };
    let podman = |layout: &Layout| {
        let host = engine_host(backend_podman::KIND)?;
        Ok(Arc::new(PodmanBackend::new(layout, host)) as Arc<dyn Backend>)
    };
    backends.with(backend_docker::KIND, docker).with(backend_podman::KIND, podman)
}
