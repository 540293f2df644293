//! What of the host a container is to have, looked at before anything is made (S2.12).

use super::Inner;
use crate::catalog::blocking;
use crate::policy::gives_away;
use crate::{Error, ResolvedSpec, Result};

const OPERATION: &str = "manager.create";

impl Inner {
    /// Resolves the links in what is to be mounted; refuses what is not there, or would give other sessions away.
    pub(super) async fn look_at_mounts(&self, mut spec: ResolvedSpec) -> Result<ResolvedSpec> {
        let home = self.layout().home().to_owned();
        blocking(move || {
            let mut problems = Vec::new();
            let home = home.canonicalize_utf8().unwrap_or(home);
            for mount in &mut spec.container.mounts {
                match mount.source.canonicalize_utf8() {
                    Ok(real) => {
                        problems.extend(gives_away(&real, &home));
                        mount.source = real;
                    }
                    Err(error) => problems.push(format!(
                        "`{}` can't be mounted (--volume): {error}; make it first, or leave it out",
                        mount.source.as_str().escape_debug()
                    )),
                }
            }
            match problems.is_empty() {
                true => Ok(spec),
                false => Err(Error::problems(OPERATION, problems)),
            }
        })
        .await
    }
}
