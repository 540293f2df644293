//! What doctor is told.

use camino::Utf8Path;
use session_core::{Backend, CheckOutcome, Layout};

use crate::support::Home;

const CODES: [&str; 4] = ["local-home-writable", "local-locks", "local-proc", "local-pty"];

#[tokio::test]
async fn a_home_that_is_not_made_yet_is_usable_and_stays_unmade() {
    let home = Home::new();
    let report = home.backend.probe().await.unwrap();
    assert!(report.is_usable(), "{report:?}");
    let mut codes: Vec<_> = report.checks.iter().map(|check| check.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, CODES);
    assert!(report.checks.iter().all(|check| check.outcome == CheckOutcome::Passed), "{report:?}");
    assert_eq!(report.kind, "local");
    assert!(report.engine.starts_with("Linux "), "{}", report.engine);
    assert!(!home.layout.home().exists());
    home.session().await;
    let before = std::fs::read_dir(home.layout.home()).unwrap().count();
    assert!(home.backend.probe().await.unwrap().is_usable());
    assert_eq!(std::fs::read_dir(home.layout.home()).unwrap().count(), before);
}

/// A home that is a file, or in /proc, where nobody can write, not even root.
#[tokio::test]
async fn a_home_that_cannot_be_written_fails_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for home in [Utf8Path::from_path(&file).unwrap(), Utf8Path::new("/proc/sessctl")] {
        let report = backend_local::LocalBackend::new(&Layout::new(home)).probe().await.unwrap();
        assert!(!report.is_usable());
        let failed: Vec<_> =
            report.checks.iter().filter(|check| check.outcome == CheckOutcome::Failed).collect();
        assert_eq!(failed.len(), 2, "{failed:?}");
        assert_eq!(failed[0].code, "local-home-writable");
        assert!(failed.iter().all(|check| check.remedy.is_some()), "{failed:?}");
    }
}
