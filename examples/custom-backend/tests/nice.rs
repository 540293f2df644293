//! What this backend adds to the one under it.

use std::collections::BTreeMap;
use std::sync::Arc;

use backend_local::LocalBackend;
use camino::Utf8Path;
use custom_backend::NiceBackend;
use session_core::{Backend, ExecRequest, Layout, ResolvedSpec, SessionId};
use tokio::io::AsyncReadExt as _;

/// Issue 2, section 7: the example is run, not only built.
#[tokio::test]
async fn programs_give_way() -> Result<(), Box<dyn std::error::Error>> {
    let place = tempfile::tempdir()?;
    let home = Utf8Path::from_path(place.path()).ok_or("the temporary directory is not UTF-8")?;
    let layout = Layout::new(home.join("home"));
    let backend = NiceBackend::over(Arc::new(LocalBackend::new(&layout)))?;
    assert!(backend.probe().await?.is_usable());
    let command = vec!["sh".to_owned()];
    let spec = ResolvedSpec::new("example".parse()?, backend.kind(), command, home);
    let id = SessionId::new();
    let session = backend.create(&id, &spec).await?;
    let path = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let request = ExecRequest::new(vec!["nice".to_owned()]).with_environment(path);
    let mut process = session.exec(request).await?;
    let mut text = String::new();
    process.stdout.read_to_string(&mut text).await?;
    assert_eq!(text, "19\n", "without arguments, `nice` writes its own niceness");
    backend.destroy(&id).await?;
    Ok(())
}
