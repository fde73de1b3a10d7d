//! The escapers against the programs whose languages they write.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use super::*;

/// Texts that mean something to one language or another.
fn nasty() -> Vec<String> {
    let mut texts: Vec<String> = [
        "plain",
        "two words",
        "  edges  ",
        "it's",
        "'",
        "''",
        "\\",
        "\\'",
        "a\\",
        "\"",
        "$HOME",
        "`id`",
        "$(id)",
        "#(id)",
        "#{pid}",
        "##{pid}",
        "###{pid}",
        "#",
        "##",
        "###",
        "a#",
        "#[fg=red]x",
        "##[fg=red]x",
        "###[x",
        "a#[",
        "#S",
        "##S",
        "#[#S]",
        "#,#}",
        "a#b#{c}#(d)",
        "%",
        "%%",
        "%H",
        "%%H",
        "a%",
        ";",
        "a;",
        "a\\;",
        ";;",
        "a;b",
        "*",
        "?",
        "[a-z]",
        "~",
        "!",
        "&",
        "|",
        "<x>",
        "a.b",
        "a+b",
        "(x)",
        "{2}",
        "^a$",
        "a|b",
        "-n",
        "--",
        "if",
        "A=1",
        "Grüße 日本",
        "#{",
        "}",
        "#(",
        "=",
        "{",
        "#!",
        "%#",
        "#%S",
        "%S#{pid}'",
    ]
    .map(str::to_owned)
    .to_vec();
    // And all short strings of the characters that matter most.
    let alphabet = ["#", "[", "{", "}", "(", ";", "\\", "'", "%", "S", " "];
    for one in alphabet {
        for two in alphabet {
            for three in alphabet {
                texts.push(format!("x{one}{two}{three}"));
            }
        }
    }
    texts
}

fn stdout(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn sh_gives_the_words_back() {
    let mut texts: Vec<Vec<u8>> = nasty().into_iter().map(String::into_bytes).collect();
    texts.extend([
        b"".to_vec(),
        b"a\nb\n".to_vec(),
        b"\t\r\x01\x7f".to_vec(),
        b"\xff\xfe".to_vec(),
    ]);
    let script = [b"printf '%s\\0' ".as_slice(), &sh_words(&texts)].concat();
    let printed = stdout(Command::new("sh").arg("-c").arg(OsStr::from_bytes(&script)));
    let expected: Vec<u8> =
        texts.iter().flat_map(|text| [text.as_slice(), b"\0"].concat()).collect();
    assert_eq!(printed, expected);
    assert_eq!(sh_words(&[b"if".to_vec(), b"a=b".to_vec()]), b"'if' 'a=b'");
}

#[test]
fn date_gives_strftime_back() {
    for text in nasty() {
        let format = [b"+".as_slice(), &strftime(text.as_bytes())].concat();
        let printed = stdout(Command::new("date").arg(OsStr::from_bytes(&format)));
        assert_eq!(String::from_utf8(printed).unwrap(), format!("{text}\n"));
    }
}

#[test]
fn grep_finds_what_a_regex_was_made_of() {
    let texts = nasty();
    let lines = texts.join("\n");
    for dialect in ["-G", "-E", "-P"] {
        for text in texts.iter().take(120) {
            let pattern = [b"^".as_slice(), &regex(text.as_bytes()), b"$"].concat();
            let mut grep = Command::new("grep")
                .args([dialect, "-e"])
                .arg(OsStr::from_bytes(&pattern))
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            std::io::Write::write_all(&mut grep.stdin.take().unwrap(), lines.as_bytes()).unwrap();
            let found = String::from_utf8(grep.wait_with_output().unwrap().stdout).unwrap();
            let found: std::collections::BTreeSet<&str> = found.lines().collect();
            assert_eq!(found.into_iter().collect::<Vec<_>>(), [text.as_str()], "grep {dialect}");
        }
    }
}

/// A tmux server of its own, which ends with the test.
struct Tmux(tempfile::TempDir);

impl Tmux {
    /// `None` where tmux is not installed.
    fn start() -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("tmux is not installed: its escapers were not compared with it");
            return None;
        }
        let tmux = Tmux(tempfile::tempdir().unwrap());
        stdout(tmux.command().args(["-f/dev/null", "new-session", "-d", "-s", "x", "sleep", "60"]));
        Some(tmux)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-u").env("TMUX_TMPDIR", self.0.path()).env_remove("TMUX");
        command
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}

/// What tmux prints of a format and keeps of a word is what was escaped: `display-message` expands
/// its argument once as strftime and format, like `pipe-pane`; an option is kept as it is.
#[test]
fn tmux_gives_formats_and_words_back() {
    let Some(tmux) = Tmux::start() else { return };
    for chunk in nasty().chunks(40) {
        let mut command = tmux.command();
        for (index, text) in chunk.iter().enumerate() {
            if index > 0 {
                command.arg(";");
            }
            let format = tmux_word(&strftime(&tmux_format(text.as_bytes())));
            command.args(["display-message", "-p", "-t", "=x:", "--"]);
            command.arg(OsStr::from_bytes(&format));
        }
        let printed = String::from_utf8(stdout(&mut command)).unwrap();
        let printed: Vec<&str> = printed.strip_suffix('\n').unwrap().split('\n').collect();
        assert_eq!(printed, chunk.iter().map(String::as_str).collect::<Vec<_>>());

        let mut command = tmux.command();
        for (index, text) in chunk.iter().enumerate() {
            command.args(["set-option", "-g", "--", &format!("@v{index}")]);
            command.arg(OsStr::from_bytes(&tmux_word(text.as_bytes()))).arg(";");
        }
        let show: Vec<String> = (0..chunk.len()).map(|index| format!("#{{@v{index}}}")).collect();
        command.args(["display-message", "-p", &show.join("\n")]);
        let printed = String::from_utf8(stdout(&mut command)).unwrap();
        let printed: Vec<&str> = printed.strip_suffix('\n').unwrap().split('\n').collect();
        assert_eq!(printed, chunk.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// A name is expanded where a window is made; nothing of it runs.
#[test]
fn a_tmux_name_runs_nothing() {
    let Some(tmux) = Tmux::start() else { return };
    let witness = tmux.0.path().join("ran");
    let text = format!("#(touch {}) #{{pid}} ##[x];", witness.display());
    let name = tmux_word(&tmux_format(text.as_bytes()));
    let mut command = tmux.command();
    command.args(["new-window", "-d", "-P", "-F", "#{window_name}", "-n"]);
    command.arg(OsStr::from_bytes(&name)).args(["--", "sleep", "60"]);
    let printed = String::from_utf8(stdout(&mut command)).unwrap();
    assert_eq!(printed.trim_end_matches('\n'), text);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!witness.exists());
    // The test can tell: without escaping the command runs. tmux ends it with the client that
    // asked, so it may take several.
    let soon = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !witness.exists() && std::time::Instant::now() < soon {
        let mut command = tmux.command();
        command.args(["display-message", "-p", &text]);
        stdout(&mut command);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(witness.exists());
}
