//! Deterministic trees to measure on: git repositories with history, ignored files and uncommitted work.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How big a tree to make.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Size {
    /// About 200 files, 1 MB.
    Small,
    /// About 5,000 files, 100 MB.
    Medium,
    /// About 80,000 files, 1 GB: 8,000 tracked, 60,000 in `node_modules`, 12,000 in `target`.
    Large,
}

/// The tree of this size in the run's place, made when it is first asked for.
pub(crate) fn shared(goals: &crate::pairs::Goals, size: Size) -> PathBuf {
    let dest = goals.place().join(format!("{size:?}").to_lowercase());
    if !dest.exists() {
        make(size, &dest);
    }
    dest
}

/// Makes the tree at `dest`, which must not exist.
pub(crate) fn make(size: Size, dest: &Path) {
    let mut maker = Maker::new(dest);
    let uncommitted = match size {
        Size::Small => {
            maker.sources("src", 190, 20, 3500.0);
            3
        }
        Size::Medium => {
            maker.sources("src", 4800, 400, 7000.0);
            for number in 0..150 {
                let bytes = maker.numbers.spread(200_000.0, 0.8, 3_000_000);
                maker.tracked(&format!("assets/img{number}.bin"), bytes);
            }
            20
        }
        Size::Large => {
            maker.sources("packages", 8000, 900, 6000.0);
            50
        }
    };
    maker.write(".gitignore", b"node_modules/\ntarget/\n*.log\n");
    maker.write("run.sh", b"#!/bin/sh\necho hi\n");
    fs::set_permissions(dest.join("run.sh"), fs::Permissions::from_mode(0o755)).expect("chmod");
    maker.tracked("README.md", 4000);
    symlink("README.md", dest.join("LINK.md")).expect("symlink");
    maker.history();
    if matches!(size, Size::Large) {
        maker.node_modules(60_000);
        maker.build_output(11_900);
    }
    maker.uncommitted(uncommitted);
}

/// Runs git in `dir`, apart from the configuration of whoever runs this.
pub(crate) fn git(dir: &Path, args: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "gc.auto=0"])
        .args(["-c", "init.defaultBranch=main", "-C"])
        .arg(dir)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", "2024-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2024-01-01T00:00:00Z")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("git is installed");
    assert!(status.success(), "git {args:?} in {}", dir.display());
}

struct Maker<'a> {
    dest: &'a Path,
    numbers: Numbers,
    text: Vec<u8>,
    sources: Vec<String>,
}

impl<'a> Maker<'a> {
    fn new(dest: &'a Path) -> Self {
        fs::create_dir_all(dest).expect("the place is writable");
        let mut numbers = Numbers(0x5e55_10f7);
        let words: Vec<String> = (0..4000).map(|_| format!("{:x}", numbers.next() >> 40)).collect();
        let mut text = Vec::new();
        while text.len() < 8 << 20 {
            text.extend_from_slice(words[numbers.below(words.len())].as_bytes());
            text.extend_from_slice([" ", "();\n", " = ", " {\n"][numbers.below(4)].as_bytes());
        }
        Self { dest, numbers, text, sources: Vec::new() }
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.dest.join(path);
        fs::create_dir_all(path.parent().expect("below dest")).expect("mkdir");
        fs::write(path, content).expect("write");
    }

    fn fill(&mut self, path: &str, bytes: usize) {
        let begin = self.numbers.below(self.text.len() - 1);
        let content: Vec<u8> = self.text[begin..]
            .iter()
            .chain(self.text.iter().cycle())
            .take(bytes)
            .copied()
            .collect();
        self.write(path, &content);
    }

    fn tracked(&mut self, path: &str, bytes: usize) {
        self.fill(path, bytes);
        self.sources.push(path.to_owned());
    }

    fn sources(&mut self, prefix: &str, files: usize, dirs: usize, median: f64) {
        let mut made = vec![prefix.to_owned()];
        for number in 0..dirs {
            let parent = made[self.numbers.below(made.len())].clone();
            let parent = if parent.matches('/').count() > 6 { prefix } else { &parent };
            made.push(format!("{parent}/d{number}"));
        }
        for number in 0..files {
            let dir = made[self.numbers.below(made.len())].clone();
            let end = [".rs", ".ts", ".py", ".md"][self.numbers.below(4)];
            let bytes = self.numbers.spread(median, 1.0, 400_000);
            self.tracked(&format!("{dir}/f{number}{end}"), bytes);
        }
    }

    fn history(&mut self) {
        git(self.dest, &["init", "-q"]);
        git(self.dest, &["add", "-A"]);
        git(self.dest, &["commit", "-qm", "one"]);
        for commit in 0..5 {
            for _ in 0..self.sources.len() / 100 {
                self.append(&format!("// change {commit}\n"));
            }
            git(self.dest, &["commit", "-qam", "more"]);
        }
        git(self.dest, &["gc", "-q"]);
    }

    fn append(&mut self, line: &str) {
        let path = self.dest.join(&self.sources[self.numbers.below(self.sources.len() - 1)]);
        let mut file = fs::OpenOptions::new().append(true).open(path).expect("a source");
        file.write_all(line.as_bytes()).expect("append");
    }

    fn node_modules(&mut self, mut left: usize) {
        let parts = ["lib", "dist", "dist/esm", "dist/cjs", "src", "types", "lib/part"];
        let mut package = 0;
        while left > 0 {
            let name = format!("node_modules/p{package}");
            package += 1;
            let files = self.numbers.spread(25.0, 1.2, 2500).min(left);
            for number in 0..files {
                let part = parts[self.numbers.below(parts.len())];
                let bytes = self.numbers.spread(2600.0, 1.4, 600_000);
                self.fill(&format!("{name}/{part}/m{number}.js"), bytes);
            }
            left -= files;
        }
    }

    fn build_output(&mut self, files: usize) {
        for number in 0..files {
            let dir = ["deps", "incremental", ".fingerprint", "build"][self.numbers.below(4)];
            let part = self.numbers.below(60);
            let bytes = self.numbers.spread(9000.0, 1.6, 4_000_000);
            self.fill(&format!("target/debug/{dir}/b{part}/x{number}"), bytes);
        }
        for number in 0..25 {
            self.fill(&format!("target/debug/big{number}"), 9_000_000);
        }
    }

    fn uncommitted(&mut self, count: usize) {
        for _ in 0..count {
            self.append("// not committed\n");
        }
        for number in 0..count {
            self.fill(&format!("notes/untracked {number}.txt"), 500);
        }
        fs::remove_file(self.dest.join("README.md")).expect("a tracked file");
        git(self.dest, &["add", "notes/untracked 0.txt"]);
        git(self.dest, &["status"]);
    }
}

/// SplitMix64: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A log-normal number around `median`, between 1 and `cap`.
    fn spread(&mut self, median: f64, sigma: f64, cap: usize) -> usize {
        let unit = |n: u64| ((n >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
        let (a, b) = (unit(self.next()), unit(self.next()));
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        (((normal * sigma).exp() * median) as usize).clamp(1, cap)
    }
}
