//! Removing sessions, and bringing them back.

use crate::place::Place;
use crate::screen::Screen;

/// S0.12, S0.13, S2.16, S2.E5, S4.25: running is refused, and so is work that exists nowhere else, which is
/// listed; with force it is in the trash, and comes back.
#[test]
fn remove_refuses_and_restore_brings_back() {
    let place = Place::with_repository();
    place.good(&["start", "keep", "-d", "--", "sleep", "600"]);
    let screen = Screen::run(&place, &["remove", "keep"]);
    screen.wait_for("is running; stop it first");
    assert_eq!(screen.end(), 79);
    place.good(&["stop", "keep"]);
    let here = "echo precious > only-here; git -c user.name=a -c user.email=b commit -q --allow-empty -m x";
    place.good(&["exec", "keep", "--", "sh", "-c", here]);
    let screen = Screen::run(&place, &["remove", "keep"]);
    screen.wait_for("only-here");
    screen.wait_for("commits that are only here: 1");
    assert_eq!(screen.end(), 79);
    assert_eq!(place.session("keep")["status"], "stopped");

    place.good(&["remove", "--force", "keep"]);
    assert!(place.good(&["trash", "list"]).contains("keep"));
    place.good(&["restore", "keep"]);
    assert_eq!(place.session("keep")["status"], "stopped");
    assert_eq!(place.good(&["exec", "keep", "--", "cat", "only-here"]), "precious\n");
    place.good(&["remove", "--force", "keep"]);
    place.good(&["trash", "empty", "--force"]);
    assert!(place.good(&["trash", "list"]).contains("keep"), "its 30 days are not over");
    place.good(&["trash", "empty", "--all", "--force"]);
    assert_eq!(place.good(&["trash", "list"]), "the trash is empty\n");
}

/// S0.12: what loses nothing is removed when the person says yes, and kept otherwise.
#[test]
fn remove_asks() {
    let place = Place::with_repository();
    place.good(&["start", "clean", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "clean"]);
    for (answer, code, left) in [("n", 1, "clean\n"), ("y", 0, "")] {
        let screen = Screen::run(&place, &["remove", "clean"]);
        screen.wait_for("[y/N]");
        screen.type_in(&format!("{answer}\r"));
        assert_eq!(screen.end(), code);
        assert_eq!(place.good(&["list", "--names"]), left);
    }
}

/// What is made in an empty workspace, or beside the projects, exists nowhere else either.
#[test]
fn work_beside_projects_is_not_lost() {
    let place = Place::with_repository();
    place.good(&["start", "empty", "-d", "--empty", "--", "sleep", "600"]);
    place.good(&["exec", "empty", "--", "touch", "made-here"]);
    place.good(&["stop", "empty"]);
    assert!(place.bad(&["remove", "empty"], 79).contains("made-here"));
}
