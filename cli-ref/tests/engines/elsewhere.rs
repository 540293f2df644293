//! An engine that is reached over the network, and sees no file of this host.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::engine::Engine;
use crate::world::{World, finish};

crate::on_each_engine! {
    /// Issue 3: when the engine is remote, workspaces are streamed into a volume, unasked, and come back.
    an_engine_elsewhere_is_uploaded_to;
}

fn an_engine_elsewhere_is_uploaded_to(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("far");
    let address = &far(&world.engine.socket);
    let run = |words: &[&str]| finish(world.command_at(address, words).output());
    let done = run(&["start", "--detach", name, "--network", "none", "--", "sleep", "1000"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(done.err.contains("uploaded into a volume"), "{done:#?}");
    let done = run(&["exec", name, "--", "cat", "README.md"]);
    assert_eq!((done.code, done.out.as_str()), (0, "hello, not committed\n"), "{done:#?}");
    // Engines say such a name in records that a reader must take by their length.
    let script = "echo kept >\"$(printf 'gr\\303\\266\\303\\237e\\nname')\"";
    let done = run(&["exec", name, "--", "sh", "-c", script]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert_eq!(world.engine.volumes(&world.label()).len(), 1);
    let directory = world.session(name)["directory"].as_str().expect("a directory").to_owned();
    let fetched = Path::new(&directory).join("workspace/project/gr\u{f6}\u{df}e\nname");
    assert!(!fetched.exists(), "the workspace is in the volume");
    assert_eq!(run(&["stop", "--time", "0", name]).code, 0);
    let done = run(&["remove", name]);
    assert!(done.code == 79 && done.err.contains("name"), "{done:#?}");
    assert_eq!(std::fs::read_to_string(&fetched).expect("it came back"), "kept\n");
    let done = run(&["remove", "--force", name]);
    assert_eq!(done.code, 0, "{done:#?}");
    // A live directory can't be where its files are not seen.
    let done = run(&["start", "--detach", name, "--mount", "--network", "none", "--", "true"]);
    assert!(done.code == 64 && done.err.contains("--mount"), "{done:#?}");
    world.assert_empty("at the end");
}

/// An address of this host that leads to the engine's socket.
fn far(socket: &Path) -> PathBuf {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has one");
    let socket = socket.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(engine) = UnixStream::connect(&socket) else { continue };
            std::thread::spawn(move || carry(&client, &engine));
        }
    });
    format!("tcp://{address}").into()
}

/// Both directions; each ends by itself.
fn carry(client: &TcpStream, engine: &UnixStream) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut from, mut to) = (client, engine);
            let _ = std::io::copy(&mut from, &mut to);
            let _ = engine.shutdown(Shutdown::Write);
        });
        let (mut from, mut to) = (engine, client);
        let _ = std::io::copy(&mut from, &mut to);
        let _ = client.shutdown(Shutdown::Both);
        let _ = engine.shutdown(Shutdown::Both);
    });
}
