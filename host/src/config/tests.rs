//! Tests on real files in temporary folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::*;
use crate::session::{Command, OptionValue};

mod limits;

/// A home and a working directory of a test's own.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["home/.config", "work", "xdg1/kstlib", "xdg2/kstlib"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        Place { root }
    }

    /// The working directory's file is this text.
    fn with(text: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        place.write("work/kstlib.conf.yml", text);
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn sources(&self) -> Sources {
        Sources {
            folders: Folders {
                home: Some(self.path("home")),
                config: Some(self.path("home/.config")),
                system_config: vec![self.path("xdg1"), self.path("xdg2")],
                ..Folders::default()
            },
            working_dir: self.path("work"),
            explicit: None,
        }
    }

    fn load(&self) -> Config {
        Config::load(&self.sources()).unwrap()
    }
}

fn lines(config: &Config) -> Vec<String> {
    config.problems().iter().map(ToString::to_string).collect()
}

/// The only problem.
fn problem(config: &Config) -> &Problem {
    assert_eq!(config.problems().len(), 1, "{:#?}", lines(config));
    &config.problems()[0]
}

fn session<'c>(config: &'c Config, name: &str) -> &'c SessionConfig {
    config.session(name).unwrap().unwrap_or_else(|| panic!("{name}: {:#?}", lines(config)))
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

fn list<const N: usize>(values: [&str; N]) -> OptionValue {
    OptionValue::List(values.map(str::to_owned).to_vec())
}

#[test]
fn a_whole_session() {
    let place = Place::with(
        "mail: {host: x}\nops:\n  default_backend: container\n  container_runtime: docker\n  sessions:\n    api:\n      backend: container\n      command: python -m app\n      working_dir: /app\n      env: {MODE: prod}\n      image: localhost:5000/team/app:1.2\n      volumes: ['./data:/data:ro', cache:/cache]\n      ports: [8080, '127.0.0.1:80:80']\n      runtime: podman\n      log_volume: ./logs:/logs\n    dev: {command: [sleep, 5], working_dir: src, socket_name: side, backend: tmux}\n",
    );
    let config = place.load();
    assert_eq!(lines(&config), [""; 0]);
    assert_eq!(config.default_backend().unwrap().value, "container");
    assert_eq!(config.preferred_locations()["container"].value, "docker");
    let api = session(&config, "api");
    assert_eq!(api.backend.as_deref(), Some("container"));
    assert_eq!(api.command, Some(Command::Text("python -m app".into())));
    assert_eq!(api.working_dir.as_deref(), Some(Path::new("/app")));
    assert_eq!(api.env["MODE"], "prod");
    assert_eq!(api.options["image"], text("localhost:5000/team/app:1.2"));
    let data = format!("{}:/data:ro", place.path("work/data").display());
    assert_eq!(api.options["volumes"], list([&data, "cache:/cache"]));
    assert_eq!(api.options["ports"], list(["8080", "127.0.0.1:80:80"]));
    assert_eq!(api.options["runtime"], text("podman"));
    let logs = format!("{}:/logs", place.path("work/logs").display());
    assert_eq!(api.options["log_volume"], text(&logs));
    assert_eq!(api.defined_in, Some(place.path("work/kstlib.conf.yml")));
    let dev = session(&config, "dev");
    assert_eq!(dev.command, Some(Command::Words(vec!["sleep".into(), "5".into()])));
    assert_eq!(dev.working_dir, Some(place.path("work/src")));
    assert_eq!(dev.options["socket_name"], text("side"));
    assert_eq!(config.session("other").unwrap(), None);
    let names: Vec<_> = config.sessions().map(|(name, _)| name).collect();
    assert_eq!(names, ["api", "dev"]);
    let ports = config.session_key("api", "ports").unwrap();
    assert_eq!((ports.line, ports.folder()), (Some(13), &*place.path("work")));
}

#[test]
fn values_are_as_written() {
    let place = Place::with(
        "ops:\n  sessions:\n    a:\n      env:\n        PORT: 8080\n        DEBUG: true\n        VERSION: 1.10\n        OCTAL: 010\n        YES: yes\n        BIG: True\n        HEX: 0xFF\n        UNDER: 1_000\n        TIME: 22:22\n        DATE: 2024-01-02\n        NAN: .nan\n        INF: -.inf\n        EXP: 1e3\n        HUGE: 123456789012345678901234567890\n        NEG: -0\n        PLUS: +5\n        EMPTY: ''\n        TILDE: '~'\n        QUOTED: \"1.10\"\n        TAG: !!str 1.50\n        ANCHOR: &v 1.70\n        ALIAS: *v\n        UMLAUT: grün # not this\n        N: n\n      ports: [22:22, 0080, 80]\n      command: 010\n",
    );
    let config = place.load();
    assert_eq!(lines(&config), [""; 0]);
    let a = session(&config, "a");
    let expected = [
        ("PORT", "8080"),
        ("DEBUG", "true"),
        ("VERSION", "1.10"),
        ("OCTAL", "010"),
        ("YES", "yes"),
        ("BIG", "True"),
        ("HEX", "0xFF"),
        ("UNDER", "1_000"),
        ("TIME", "22:22"),
        ("DATE", "2024-01-02"),
        ("NAN", ".nan"),
        ("INF", "-.inf"),
        ("EXP", "1e3"),
        ("HUGE", "123456789012345678901234567890"),
        ("NEG", "-0"),
        ("PLUS", "+5"),
        ("EMPTY", ""),
        ("TILDE", "~"),
        ("QUOTED", "1.10"),
        ("TAG", "1.50"),
        ("ANCHOR", "1.70"),
        ("ALIAS", "1.70"),
        ("UMLAUT", "grün"),
        ("N", "n"),
    ];
    for (key, value) in expected {
        assert_eq!(a.env[key], value, "{key}");
    }
    assert_eq!(a.env.len(), expected.len());
    assert_eq!(a.options["ports"], list(["22:22", "0080", "80"]));
    assert_eq!(a.command, Some(Command::Text("010".into())));
}

#[test]
fn the_same_from_json_and_toml() {
    let place = Place::with("include: [a.json, b.toml, c.ini]\n");
    place.write(
        "work/a.json",
        "{\n\t\"ops\": {\n\t\t\"sessions\": {\"a\": {\"env\": {\"V\": 1.10, \"B\": true, \"U\": \"\\u00fc\\ud83d\\ude00\\/\"},\n\t\t\"command\": [\"x\", 5]}}}}",
    );
    place.write(
        "work/b.toml",
        "[mail]\nx = 1\n[ops.sessions.b]\ncommand = 'sleep 1'\nvolumes = ['./v:/v']\n[ops.sessions.b.env]\nV = 1.10\nB = false\nD = 2024-01-02\nH = 0xFF\n",
    );
    place.write("work/c.ini", "# x\n[mail]\na = 1\n[ops]\nDefault_Backend: screen\n");
    let config = place.load();
    assert_eq!(lines(&config), [""; 0]);
    let a = session(&config, "a");
    assert_eq!((&*a.env["V"], &*a.env["B"], &*a.env["U"]), ("1.10", "true", "ü😀/"));
    assert_eq!(a.command, Some(Command::Words(vec!["x".into(), "5".into()])));
    let b = session(&config, "b");
    assert_eq!((&*b.env["V"], &*b.env["B"]), ("1.10", "false"));
    assert_eq!((&*b.env["D"], &*b.env["H"]), ("2024-01-02", "0xFF"));
    assert_eq!(config.session_key("a", "command").unwrap().line, Some(4));
    assert_eq!(config.session_key("b", "volumes").unwrap().line, Some(5));
    assert_eq!(config.default_backend().unwrap().value, "screen");
    assert_eq!(config.default_backend().unwrap().line, Some(5));
}

#[test]
fn layers_and_includes_are_merged_key_by_key() {
    let place = Place::with("include: [low.yml, high.yml]\nops: {sessions: {a: {command: own}}}\n");
    place.write(
        "work/low.yml",
        "ops: {sessions: {a: {command: low, env: {A: low, B: low}, ports: [1, 2]}}}\n",
    );
    place.write(
        "work/high.yml",
        "ops: {sessions: {a: {command: high, env: {A: high}, ports: [3]}}}\n",
    );
    place.write(
        "xdg1/kstlib/kstlib.conf.yml",
        "ops: {default_backend: one, sessions: {s: {command: one}}}\n",
    );
    place.write(
        "xdg2/kstlib/kstlib.conf.yml",
        "ops: {default_backend: two, tmux_binary: t2, sessions: {t: }}\n",
    );
    place.write(
        "home/.config/kstlib.conf.yml",
        "ops: {sessions: {s: {command: user}, a: {working_dir: x}}}\n",
    );
    place.write(
        "home/kstlib.conf.yml",
        "ops: {sessions: {s: {command: null, env: {H: 1}}}, container_runtime: podman}\n",
    );
    let config = place.load();
    assert_eq!(lines(&config), [""; 0]);
    let a = session(&config, "a");
    assert_eq!(a.command, Some(Command::Text("own".into())));
    assert_eq!((&*a.env["A"], &*a.env["B"]), ("high", "low"));
    assert_eq!(a.options["ports"], list(["3"]));
    // Relative to the file that holds it, not to the one that has the last word.
    assert_eq!(a.working_dir, Some(place.path("home/.config/x")));
    let s = session(&config, "s");
    assert_eq!((s.command.clone(), &*s.env["H"]), (None, "1"));
    assert_eq!(session(&config, "t").command, None);
    let default = config.default_backend().unwrap();
    assert_eq!((&*default.value, default.from_working_dir), ("one", false));
    assert_eq!(config.program_overrides()["tmux"].value, "t2");
    let files: Vec<_> = config.files().iter().map(|file| file.display().to_string()).collect();
    assert_eq!(files.len(), 7);
    assert!(files[0].ends_with("xdg2/kstlib/kstlib.conf.yml"), "{files:?}");
    let shown = config.show();
    let leaves: BTreeMap<_, _> = shown.leaves().into_iter().collect();
    let of = |key: &str| (leaves[key].value.clone(), leaves[key].file.clone(), leaves[key].line);
    assert_eq!(
        of("ops.sessions.a.env.A"),
        ("high".into(), Some(place.path("work/high.yml")), Some(1))
    );
    assert_eq!(of("ops.sessions.a.command").1, Some(place.path("work/kstlib.conf.yml")));
    assert!(!leaves.contains_key("ops.sessions.s.command"));
    assert_eq!(shown.to_json()["ops"]["sessions"]["a"]["ports"], serde_json::json!([3]));
}

#[test]
fn a_directory_that_is_entered_is_told_apart() {
    let place = Place::with("include: sub/more.yml\nops: {tmux_binary: ./evil.sh}\n");
    place.write("work/sub/more.yml", "ops: {plugins: {screen: {path: ./s.wasm}}}\n");
    place.write("home/kstlib.conf.yml", "ops: {plugins: {mine: {path: ~/p/m.wasm}}}\n");
    let config = place.load();
    assert_eq!(lines(&config), [""; 0]);
    let tmux = &config.program_overrides()["tmux"];
    assert_eq!(
        (tmux.value.clone(), tmux.from_working_dir),
        (place.path("work/evil.sh").display().to_string(), true)
    );
    let screen = &config.plugins()["screen"];
    assert_eq!(
        (screen.value.clone(), screen.from_working_dir),
        (place.path("work/sub/s.wasm"), true)
    );
    let mine = &config.plugins()["mine"];
    assert_eq!((mine.value.clone(), mine.from_working_dir), (place.path("home/p/m.wasm"), false));
    assert_eq!(mine.line, Some(1));
    // Named by the user, it is the user's.
    let explicit = Some(PathBuf::from("kstlib.conf.yml"));
    let config = Config::load(&Sources { explicit, ..place.sources() }).unwrap();
    assert!(!config.program_overrides()["tmux"].from_working_dir);
    assert!(!config.plugins().contains_key("mine"));
}

#[test]
fn a_file_reached_twice_counts_once() {
    let place = Place::new();
    place.write("home/.config/kstlib.conf.yml", "ops: {default_backend: low, tmux_binary: t}\n");
    place.write("home/kstlib.conf.yml", "ops: {default_backend: home}\n");
    let mut sources = place.sources();
    sources.working_dir = place.path("home");
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.files().len(), 2);
    assert!(!config.default_backend().unwrap().from_working_dir);
    // In ~/.config its file has the last word, and is still the user's.
    sources.working_dir = place.path("home/.config");
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.default_backend().unwrap().value, "low");
    assert!(!config.program_overrides()["tmux"].from_working_dir);
    assert_eq!(config.files().len(), 2);
    // A hard link is another one: its relative paths are others.
    fs::hard_link(place.path("home/kstlib.conf.yml"), place.path("work/kstlib.conf.yml")).unwrap();
    assert!(place.load().default_backend().unwrap().from_working_dir);
    fs::remove_file(place.path("work/kstlib.conf.yml")).unwrap();
    // A link to it is the same file.
    symlink(place.path("home/kstlib.conf.yml"), place.path("work/kstlib.conf.yml")).unwrap();
    let config = place.load();
    assert_eq!(config.files().len(), 2);
    assert!(!config.default_backend().unwrap().from_working_dir);
}

#[test]
fn includes_that_cannot_be_cost_only_themselves() {
    let rest = "ops: {sessions: {a: {command: x}}}\n";
    let cases = [
        ("gone.yml", "there is no file"),
        ("sub/gone.yml", "there is no file"),
        ("../home/x.yml", "leads out of"),
        ("/etc/passwd", "leads out of"),
        ("link.yml", "cannot be read"),
        ("self.yml", "includes itself"),
        ("kstlib.conf.yml", "includes itself"),
        ("sub", "is not a regular file"),
        ("pipe.yml", "is not a regular file"),
        ("x.txt", "is not the ending of a format"),
        ("broken.yml", "this is not YAML"),
        ("broken.json", "this is not JSON"),
        ("broken.toml", "this is not TOML"),
        ("broken.ini", "this is not INI"),
        ("[{a: b}]", "a mapping stands where a file's name belongs"),
        ("{a: b}", "a mapping stands where a file's name belongs"),
    ];
    for (include, expected) in cases {
        let place = Place::with(format!("# first\ninclude: {include}\n{rest}"));
        place.write("home/x.yml", rest);
        place.write("work/sub/x", "");
        place.write("work/self.yml", "include: self.yml");
        place.write("work/x.txt", rest);
        place.write("work/broken.yml", "ops:\n  a: [\n");
        place.write("work/broken.json", "{\"ops\":\n {,}}");
        place.write("work/broken.toml", "[ops]\nx = \n");
        place.write("work/broken.ini", "[ops]\n\nwhat\n");
        symlink("../home/x.yml", place.path("work/link.yml")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(place.path("work/pipe.yml")).status();
        assert!(pipe.unwrap().success());
        let config = place.load();
        let problem = problem(&config);
        assert!(problem.what.contains(expected), "{include}: {problem}");
        assert!(problem.line.is_some() || include == "x.txt", "{include}: {problem}");
        assert_eq!(problem.text_line.is_some(), problem.line.is_some(), "{problem}");
        assert_eq!(session(&config, "a").command, Some(Command::Text("x".into())));
        assert_eq!(config.unread().len(), 1);
    }
    let config = Place::with(format!("include: ['', null, '  ']\n{rest}")).load();
    assert_eq!(lines(&config), [""; 0]);
}

#[test]
fn includes_end() {
    let place = Place::with("include: i1.yml\n");
    for depth in 1..=12 {
        let text = format!("include: i{}.yml\nops: {{sessions: {{s{depth}: }}}}\n", depth + 1);
        place.write(&format!("work/i{depth}.yml"), text);
    }
    let config = place.load();
    assert_eq!(config.sessions().count(), 10);
    assert_eq!(
        problem(&config).to_string(),
        format!(
            "{}:1: include: 'i11.yml' is not read: files include each other more than 10 deep",
            place.path("work/i10.yml").display()
        )
    );
    // A thousand million ways to the last one.
    let place =
        Place::with("include: [i1.yml, i1.yml, i1.yml, i1.yml, i1.yml, i1.yml, i1.yml, i1.yml]\n");
    for depth in 1..=10 {
        let next = format!("i{}.yml, ", depth + 1).repeat(8);
        place.write(&format!("work/i{depth}.yml"), format!("include: [{next}]\n"));
    }
    let config = place.load();
    assert!(lines(&config).iter().any(|line| line.contains("more than 100 config files")));
}

/// How long this thread has been computing: what else runs on the machine does not count.
fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no time is negative")
}

#[test]
fn files_that_cannot_be_read() {
    let deep = "[".repeat(100_000);
    let deep_map = (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    let deep_map =
        format!("ops:\n{}", deep_map.lines().map(|line| format!(" {line}\n")).collect::<String>());
    let mut bomb = "ops:\n a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let one = format!("*a{},", level - 1).repeat(10);
        bomb.push_str(&format!(" a{level}: &a{level} [{one}]\n"));
    }
    let mut chain = "ops:\n a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        chain.push_str(&format!(" a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let foreign = chain.replace("ops", "mail");
    let cases: [(&str, Vec<u8>, Option<u64>); 17] = [
        ("chain", chain.into_bytes(), None),
        ("foreign chain", foreign.into_bytes(), None),
        ("list", b"# c\n\n- a\n- b\n".to_vec(), Some(3)),
        ("number", b"5\n".to_vec(), Some(1)),
        ("text", b"hello\n".to_vec(), Some(1)),
        ("yes", b"true\n".to_vec(), Some(1)),
        ("float", b"1.5\n".to_vec(), Some(1)),
        ("truncated", b"ops:\n  sessions:\n    a: {command: 'x\n".to_vec(), None),
        ("deep", deep.into_bytes(), Some(1)),
        ("deep below", deep_map.into_bytes(), None),
        ("bomb", bomb.into_bytes(), None),
        ("latin-1", b"ops:\n  sessions:\n    a: {command: gr\xfcn}\n".to_vec(), Some(3)),
        ("utf-16", b"\xff\xfeo\0p\0s\0".to_vec(), Some(1)),
        ("tab", b"ops:\n\tsessions:\n".to_vec(), Some(2)),
        ("nul", b"ops:\n  a: \0\n".to_vec(), None),
        ("two documents", b"ops: {}\n---\nops: {}\n".to_vec(), None),
        ("unknown alias", b"ops:\n  a: *x\n".to_vec(), Some(2)),
    ];
    for (name, bytes, line) in cases {
        let begin = busy();
        let place = Place::with(&bytes);
        place.write("home/kstlib.conf.yml", "ops: {sessions: {a: {command: x}}}\n");
        let config = place.load();
        let problem = problem(&config);
        println!("{name}: {problem} | {:?}", problem.text_line);
        if line.is_some() {
            assert_eq!(problem.line, line, "{name}: {problem}");
        }
        assert!(problem.line.is_some() && problem.text_line.is_some(), "{name}: {problem:?}");
        assert!(session(&config, "a").command.is_some(), "{name}");
        assert!(busy() - begin < Duration::from_secs(5), "{name}: {:?}", busy() - begin);
        let explicit = Some(place.path("work/kstlib.conf.yml"));
        let error = Config::load(&Sources { explicit, ..place.sources() }).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{name}");
    }
}

#[test]
fn other_formats_end_too() {
    let deep = "[".repeat(100_000);
    let dotted = format!("ops{} = 1\n", ".a".repeat(100_000));
    for (name, text) in [
        ("a.json", deep.clone()),
        ("a.json", format!("{{\"ops\": {}", "{\"a\":".repeat(100))),
        ("a.json", format!("{{\"ops\": {}1{}}}", "{\"a\":".repeat(60), "}".repeat(60))),
        ("a.toml", format!("ops = {deep}")),
        ("a.toml", dotted.clone()),
        ("a.toml", format!("[ops{}]\n", ".a".repeat(100_000))),
        ("a.toml", format!("ops = {}", "{a=".repeat(100_000))),
    ] {
        let begin = busy();
        let place = Place::with(format!("include: {name}\nops: {{sessions: {{a: }}}}\n"));
        place.write(&format!("work/{name}"), text);
        let config = place.load();
        assert!(problem(&config).line.is_some(), "{:?}", lines(&config));
        assert!(config.session("a").unwrap().is_some());
        assert!(busy() - begin < Duration::from_secs(5), "{name}: {:?}", busy() - begin);
    }
    // As deep as may be, and everything after it.
    let deep = format!("ops: {{sessions: {{a: {{x: {}1{}}}}}}}\n", "[".repeat(28), "]".repeat(28));
    let config = Place::with(deep).load();
    assert!(problem(&config).what.contains("a list stands in the list"), "{:?}", lines(&config));
    // Many keys of one mapping.
    let many: String = (0..4_000).map(|n| format!("k{n}: 1\n")).collect();
    let begin = busy();
    let config = Place::with(format!("ops: {{}}\n{many}")).load();
    assert_eq!(lines(&config), [""; 0]);
    let many: String = (0..4_000).map(|n| format!("      K{n}: 1\n")).collect();
    let config = Place::with(format!("ops:\n  sessions:\n   a:\n    env:\n{many}")).load();
    assert!(problem(&config).what.contains("4000 variables"));
    let many: String = (0..2_000).map(|n| format!("   k{n}:\n   k{n}: 5\n")).collect();
    let config = Place::with(format!("ops:\n  sessions:\n{many}")).load();
    assert!(config.problems().len() >= 4_000);
    let config = Place::with(format!("ops:\n{many}")).load();
    assert_eq!(config.problems().len(), 4_000);
    let config = Place::with(format!("ops:\n  ? {}\n  : x\n", "k".repeat(200_000))).load();
    assert!(problem(&config).key.chars().count() < 210);
    assert!(busy() - begin < Duration::from_secs(20), "{:?}", busy() - begin);
}

#[test]
fn files_that_say_nothing() {
    for text in [
        "",
        "\n\n",
        "# only a comment\n",
        "---\n",
        "null\n",
        "{}\n",
        "\u{feff}",
        "ops:\n",
        "ops: {sessions: }\n",
        "mail: {x: !secret y, x: 2, y: .nan}\n",
    ] {
        let config = Place::with(text).load();
        assert_eq!(lines(&config), [""; 0], "{text:?}");
        assert_eq!(config.sessions().count(), 0);
    }
    assert!(Config::empty().session("a").unwrap().is_none());
    let config =
        Place::with("\u{feff}ops:\r\n  sessions:\r\n    a:\r\n      command: sleep 1\r\n").load();
    assert_eq!(session(&config, "a").command, Some(Command::Text("sleep 1".into())));
}

#[test]
fn a_file_that_is_no_file() {
    let place = Place::new();
    fs::create_dir(place.path("work/kstlib.conf.yml")).unwrap();
    assert!(problem(&place.load()).what.contains("not a regular file"));
    let place = Place::new();
    let pipe =
        std::process::Command::new("mkfifo").arg(place.path("work/kstlib.conf.yml")).status();
    assert!(pipe.unwrap().success());
    assert!(problem(&place.load()).what.contains("not a regular file"));
    let place = Place::new();
    symlink("kstlib.conf.yml", place.path("work/kstlib.conf.yml")).unwrap();
    assert_eq!(place.load().problems().len(), 1);
    let place = Place::new();
    symlink("/dev/zero", place.path("work/kstlib.conf.yml")).unwrap();
    assert!(problem(&place.load()).what.contains("not a regular file"));
    let place = Place::with(vec![b'#'; 10 * 1024 * 1024 + 1]);
    assert!(problem(&place.load()).what.ends_with("is larger than 10 MiB"));
    let place = Place::with(vec![b'#'; 10 * 1024 * 1024]);
    assert_eq!(place.load().problems().len(), 0);
    let explicit = Some(PathBuf::from("/gone/x.yml"));
    let error = Config::load(&Sources { explicit, ..place.sources() }).unwrap_err();
    assert_eq!(error.to_string(), "/gone/x.yml: there is no such file");
}

#[test]
fn a_broken_session_costs_only_itself() {
    let long = "x".repeat(70_000);
    let many = (0..101).map(|n| format!("V{n}: 1, ")).collect::<String>();
    let ports = (0..51).map(|n| format!("{}, ", n + 1)).collect::<String>();
    let cases = [
        ("5", 4, "a number stands where a session's keys belong"),
        ("sleep 5", 4, "a text stands where"),
        ("[]", 4, "a list stands where"),
        ("{command: a; b}", 4, "needs a shell"),
        ("{command: ''}", 4, "empty"),
        ("{command: []}", 4, "empty"),
        ("{command: {a: b}}", 4, "a mapping stands where a text or a list"),
        ("{command: [a, {b: c}]}", 4, "a mapping stands in the list"),
        ("{command: [a], shell: true}", 4, "without a shell"),
        ("{command: a, shell: maybe}", 4, "neither true nor false"),
        ("{backend: 'no good'}", 4, "cannot be a backend's name"),
        ("{env: {LD_PRELOAD: x}}", 4, "refused"),
        ("{env: {'A\\n': x}}", 4, "holds"),
        ("{env: [A=1]}", 4, "a list stands where"),
        ("{env: {A: [1]}}", 4, "a list stands where a text belongs"),
        (&format!("{{env: {{A: {long}}}}}"), 4, "at most 32768"),
        (&format!("{{env: {{{many}}}}}"), 4, "101 variables"),
        ("{image: UPPER}", 4, "is not an image's name"),
        ("{image: [a]}", 4, "a list stands where an image's name belongs"),
        ("{volumes: ['a:b:c:d']}", 4, "more than SOURCE"),
        ("{log_volume: '../../../etc:/x'}", 4, "goes up by '..'"),
        ("{volumes: ['../x:/x']}", 4, "goes up by '..'"),
        ("{ports: [0]}", 4, "not between 1 and 65535"),
        (&format!("{{ports: [{ports}]}}"), 4, "51 ports"),
        ("{runtime: lxc}", 4, "neither podman nor docker"),
        ("{working_dir: 'a\\0b'}", 4, ""),
        ("{working_dir: \"a\\x01b\"}", 4, "holds a control character"),
        ("{working_dir: ~x/y}", 4, "your own home only"),
        ("{backend: container, working_dir: app}", 4, "not an absolute path in the container"),
        ("{command: a, command: b}", 4, "the key is written twice, first in line 4"),
        ("{env: {A: 1, A: 2}}", 4, "the key is written twice"),
        ("{x: {a: 1}}", 4, "a mapping stands where an option's value belongs"),
    ];
    for (entry, line, expected) in cases {
        let text =
            format!("ops:\n  sessions:\n    ok: {{command: x}}\n    bad: {entry}\n    ok2: {{}}\n");
        let config = Place::with(&text).load();
        if expected.is_empty() {
            continue;
        }
        let problem = problem(&config);
        assert!(problem.what.contains(expected), "{entry}: {problem}");
        assert_eq!(problem.line, Some(line), "{entry}: {problem}");
        assert!(problem.text_line.as_ref().unwrap().starts_with("    bad: "), "{entry}");
        assert!(problem.text_line.as_ref().unwrap().chars().count() <= 201);
        assert!(problem.key.starts_with("ops.sessions.bad"), "{entry}: {problem}");
        let error = config.session("bad").unwrap_err();
        assert!(matches!(error, Error::Config { line: Some(4), .. }), "{error:?}");
        assert!(config.session("ok").unwrap().is_some(), "{entry}");
        assert!(config.session("ok2").unwrap().is_some(), "{entry}");
        assert_eq!(config.sessions().filter(|(_, session)| session.is_err()).count(), 1);
    }
}

#[test]
fn names_of_sessions() {
    let config = Place::with("ops:\n  sessions:\n    ok:\n    1:\n    'a b':\n    yes:\n    \"a\\n\":\n    dup:\n    dup:\n").load();
    let broken: Vec<_> =
        config.sessions().filter(|(_, s)| s.is_err()).map(|(name, _)| name).collect();
    assert_eq!(broken, ["1", "a b", "a\n", "dup"]);
    let advice: Vec<_> =
        config.problems().iter().map(|problem| problem.advice.as_deref()).collect();
    assert_eq!(advice[1], Some("'a-b' would do"));
    assert_eq!(config.problems()[2].key, "ops.sessions.a\\n");
    let many: String = (0..60).map(|n| format!("    s{n}: {{command: x}}\n")).collect();
    let config = Place::with(format!("ops:\n  sessions:\n{many}")).load();
    assert_eq!(config.sessions().filter(|(_, session)| session.is_ok()).count(), MAX_SESSIONS);
    let error = config.session("s59").unwrap_err().to_string();
    assert!(error.contains("this is session 60: a config can define 50"), "{error}");
}

#[test]
fn settings_that_are_wrong() {
    let cases = [
        ("ops: 5", "ops", None),
        ("ops: [a]", "ops", None),
        ("ops: {}\nops: {}", "ops", None),
        ("ops: {sessions: [a]}", "ops.sessions", None),
        ("ops: {sessions: 5}", "ops.sessions", None),
        ("ops: {session: {}}", "ops.session", Some("did you mean 'sessions'?")),
        ("ops: {defaultbackend: x}", "ops.defaultbackend", Some("did you mean 'default_backend'?")),
        ("ops: {tmx_binary: x}", "ops.tmx_binary", Some("did you mean 'tmux_binary'?")),
        ("ops: {plugin: {}}", "ops.plugin", Some("did you mean 'plugins'?")),
        ("ops: {colour: x}", "ops.colour", None),
        ("ops: {default_backend: [a]}", "ops.default_backend", None),
        ("ops: {default_backend: 'a b'}", "ops.default_backend", None),
        (
            "ops: {container_runtime: lxc}",
            "ops.container_runtime",
            Some("leave it out to use podman, else docker"),
        ),
        ("ops: {tmux_binary: ''}", "ops.tmux_binary", None),
        ("ops: {plugins: [a]}", "ops.plugins", None),
        ("ops: {plugins: {s: x.wasm}}", "ops.plugins.s", Some("write s: {path: FILE.wasm}")),
        (
            "ops: {plugins: {s: {}}}",
            "ops.plugins.s",
            Some("write `path: FILE.wasm` below its name"),
        ),
        ("ops: {plugins: {'s s': {path: x}}}", "ops.plugins.s s", None),
        (
            "ops: {plugins: {s: {path: x, pth: y}}}",
            "ops.plugins.s.pth",
            Some("did you mean 'path'?"),
        ),
        ("ops: {plugins: {s: {path: x}, s: {path: y}}}", "ops.plugins.s", None),
        (
            "ops: {plugins: {s: {path: x, digest: 'sha256:12'}}}",
            "ops.plugins.s.digest",
            Some("`kst plugin inspect FILE` shows a file's digest"),
        ),
    ];
    for (text, key, advice) in cases {
        let config = Place::with(format!("{text}\n")).load();
        let problem = problem(&config);
        assert_eq!(problem.key, key, "{text}: {problem}");
        assert!(problem.line.is_some());
        if advice.is_some() {
            assert_eq!(problem.advice.as_deref(), advice, "{text}");
        }
    }
    let config = Place::with("ops: {screen_binary: s/screen, container_runtime: null}\n").load();
    assert_eq!(lines(&config), [""; 0]);
    assert!(config.program_overrides()["screen"].value.ends_with("/work/s/screen"));
    assert!(config.preferred_locations().is_empty());
}

#[test]
fn the_case_of_built_in_backends_does_not_matter() {
    let text = "ops: {default_backend: TMUX, sessions: {a: {backend: Container, image: x}, \
                b: {backend: Mine}}}\n";
    let config = Place::with(text).load();
    assert_eq!(config.default_backend().unwrap().value, "tmux");
    assert_eq!(session(&config, "a").backend.as_deref(), Some("container"));
    assert_eq!(session(&config, "b").backend.as_deref(), Some("Mine"));
}

#[test]
fn keys_that_look_like_others() {
    for (key, meant) in [
        ("comand", "command"),
        ("volume", "volumes"),
        ("port", "ports"),
        ("image_name", "image"),
        ("workdir", "working_dir"),
        ("environment", "env"),
        ("Backend", "backend"),
    ] {
        let config = Place::with(format!("ops: {{sessions: {{a: {{{key}: x}}}}}}\n")).load();
        let problem = problem(&config);
        assert_eq!(problem.advice.as_deref(), Some(&*format!("did you mean '{meant}'?")));
        assert_eq!(problem.severity, Severity::Warning);
        assert!(session(&config, "a").options.contains_key(key));
    }
    // Another backend's options are its own.
    let config = Place::with("ops: {sessions: {a: {backend: vm, port: 5, image: A B, cpu: true, disks: [1.10, b], size: 010, comand: x}}}\n").load();
    assert_eq!(problem(&config).key, "ops.sessions.a.comand");
    let options = &session(&config, "a").options;
    assert_eq!(options["port"], OptionValue::Number(5));
    assert_eq!(options["image"], text("A B"));
    assert_eq!(options["cpu"], OptionValue::Flag(true));
    assert_eq!(options["disks"], list(["1.10", "b"]));
    assert_eq!(options["size"], text("010"));
}

#[test]
fn commands_and_shells() {
    let config = Place::with("ops:\n  sessions:\n    a: {command: 'a; b', shell: true}\n    b: {command: x, shell: no}\n    c: {shell: yes}\n    d:\n      command: |\n        python x\n").load();
    assert_eq!(session(&config, "a").command, Some(Command::Shell("a; b".into())));
    assert_eq!(session(&config, "b").command, Some(Command::Text("x".into())));
    assert_eq!(problem(&config).what, "there is no command for the shell");
    assert_eq!(session(&config, "d").command, Some(Command::Text("python x\n".into())));
}

#[test]
fn variables_without_a_value() {
    let config =
        Place::with("ops: {sessions: {a: {env: {PATH: , KST_TEST_NOT_SET: null, HERE: ''}}}}\n")
            .load();
    let env = &session(&config, "a").env;
    assert_eq!(env.get("PATH"), std::env::var("PATH").ok().as_ref());
    assert!(!env.contains_key("KST_TEST_NOT_SET"));
    assert_eq!(env["HERE"], "");
}

#[test]
fn anchors_and_merge_keys() {
    let config = Place::with("x-base: &base\n  env: {A: 1.10}\n  image: base:1\nops:\n  sessions:\n    a:\n      <<: *base\n      image: own:1\n    b: {<<: *base}\n").load();
    assert_eq!(lines(&config), [""; 0]);
    assert_eq!(session(&config, "a").options["image"], text("own:1"));
    assert_eq!(session(&config, "a").env["A"], "1.10");
    assert_eq!(session(&config, "b").options["image"], text("base:1"));
}

#[test]
fn a_colon_in_the_folder_moves_no_border() {
    let place = Place::new();
    place.write("a:b/kstlib.conf.yml", "ops: {sessions: {a: {volumes: ['./d:/etc']}}}\n");
    let sources = Sources { working_dir: place.path("a:b"), ..place.sources() };
    let config = Config::load(&sources).unwrap();
    assert!(problem(&config).what.contains("has a ':'"));
}

#[test]
fn the_schema_knows_every_key() {
    let schema = schema();
    let ops = &schema["properties"]["ops"]["properties"];
    for key in keys::OPS {
        assert!(ops[key]["description"].is_string(), "{key}");
    }
    let session = &ops["sessions"]["additionalProperties"]["properties"];
    for key in keys::SESSION.iter().chain(&keys::OPTIONS) {
        assert!(session[key]["description"].is_string(), "{key}");
    }
}

/// Small steps of a well-known generator: the same bytes in each run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(below).unwrap()).unwrap()
    }
}

#[test]
fn random_bytes_never_panic() {
    const PIECES: [&str; 40] = [
        "ops",
        "sessions",
        "include",
        ":",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        "\"",
        "&a ",
        "*a",
        "<<: *a",
        "|",
        ">",
        "#",
        "!",
        "!!str ",
        "!!int ",
        "!!binary ",
        "~",
        "null",
        "1.10",
        "0x",
        "true",
        "command",
        "env",
        "ports",
        "\t",
        "%",
        "\\",
        "\u{feff}",
        "---\n",
        "é",
    ];
    let begin = busy();
    let mut random = Random(7);
    for round in 0..4_000 {
        let mut bytes: Vec<u8> = Vec::new();
        let good = "ops:\n  sessions:\n    a: {command: x, env: {A: 1}}\n";
        match round % 3 {
            0 => {
                bytes.extend((0..random.next(200)).map(|_| u8::try_from(random.next(256)).unwrap()))
            }
            1 => (0..random.next(60)).for_each(|_| bytes.extend(PIECES[random.next(40)].bytes())),
            _ => {
                bytes.extend(good.bytes());
                let at = random.next(bytes.len());
                bytes.splice(at..at, PIECES[random.next(40)].bytes());
                bytes.truncate(random.next(bytes.len()) + 1);
            }
        }
        let ending = ["yml", "json", "toml", "ini"][random.next(4)];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("f.{ending}"));
        fs::write(&path, &bytes).unwrap();
        let sources = Sources { explicit: Some(path), ..Sources::default() };
        if let Ok(config) = Config::load(&sources) {
            let _ = config.show().leaves();
            let _ = lines(&config);
        }
    }
    assert!(busy() - begin < Duration::from_secs(60), "{:?}", busy() - begin);
}

/// A relative path would count as the user's own config in whatever directory he stands.
#[test]
fn the_variable_names_an_absolute_path() {
    let named = |value: &str| named_by_variable(Some(value.into()));
    assert_eq!(named_by_variable(None).unwrap(), None);
    assert_eq!(named("").unwrap(), None);
    assert_eq!(named("/etc/a.yml").unwrap(), Some(PathBuf::from("/etc/a.yml")));
    for relative in ["kstlib.conf.yml", "./a.yml", "../a.yml", "~/a.yml", "a\nb"] {
        let error = named(relative).unwrap_err();
        assert!(error.to_string().contains("relative path"), "{error}");
        assert!(!error.to_string().contains('\n'));
        assert!(error.advice().is_some_and(|advice| advice.contains("--config")));
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn variables_are_filled_in_but_for_a_command_of_one_text() {
    // What the environment of any test has.
    let path = std::env::var("PATH").unwrap();
    let place = Place::with(
        "ops:
  sessions:
    one:
      backend: container
      image: 'app:${KST_NO_SUCH_VARIABLE:-1.2}'
      command: 'echo ${KST_NO_SUCH_VARIABLE}'
      env: {A: '${PATH}', B: '$${PATH}'}
      ports: ['${KST_NO_SUCH_VARIABLE:-8080}:80']
    two: {command: [echo, '${PATH}'], env_file: ['${KST_NO_SUCH_VARIABLE:-./a}.env', ~/b.env]}
    three: {image: '${KST_NO_SUCH_VARIABLE}'}
",
    );
    let config = place.load();
    let problem = problem(&config);
    assert_eq!(problem.key, "ops.sessions.three.image");
    assert_eq!((problem.line, problem.severity), (Some(10), Severity::Error));
    let one = session(&config, "one");
    assert_eq!(one.command, Some(Command::Text("echo ${KST_NO_SUCH_VARIABLE}".into())));
    assert_eq!((one.env["A"].as_str(), one.env["B"].as_str()), (path.as_str(), "${PATH}"));
    assert_eq!(one.options["image"], text("app:1.2"));
    assert_eq!(one.options["ports"], list(["8080:80"]));
    let two = session(&config, "two");
    assert_eq!(two.command, Some(Command::Words(vec!["echo".into(), path])));
    assert_eq!(two.env_files, [place.path("work/a.env"), place.path("home/b.env")]);
    assert!(config.session("three").is_err());
    // What is shown is what is written.
    let shown = config.show().to_json().to_string();
    assert!(shown.contains("app:${KST_NO_SUCH_VARIABLE:-1.2}"), "{shown}");
}
