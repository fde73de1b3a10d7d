//! Values that are right, values that are not, and what is said of them.

use super::*;

fn ok<E: std::fmt::Display>(check: impl Fn(&str) -> Result<(), E>, values: &[&str]) {
    for value in values {
        if let Err(error) = check(value) {
            panic!("{value:?}: {error}");
        }
    }
}

fn refused(check: impl Fn(&str) -> Result<()>, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let error = check(value).expect_err(value);
        let sentence = error.to_string();
        assert!(sentence.contains(expected), "{value:?}: {sentence}");
        assert!(!sentence.contains(|c: char| c.is_control()), "{value:?}: {sentence}");
        assert_eq!(error.exit_code(), 2);
    }
}

fn advice(result: Result<()>) -> Option<String> {
    result.unwrap_err().advice().map(str::to_owned)
}

#[test]
fn session_names() {
    ok(session_name, &["a", "Z", "my-bot_01", "a--_", &"a".repeat(64)]);
    refused(
        session_name,
        &[
            ("", "cannot be empty"),
            ("a\n", "ends in a line break"),
            ("a\r\n", "ends in a line break"),
            ("1a", "does not begin with a letter"),
            ("-a", "does not begin with a letter"),
            ("_a", "does not begin with a letter"),
            ("a b", "holds a space"),
            ("a.b", "holds '.'"),
            ("a:b", "holds ':'"),
            ("a\tb", "holds a tab"),
            ("a\nb", "holds a line break"),
            ("a\0b", "holds a NUL character"),
            ("a\u{1b}[31m", "holds a control character"),
            ("grün", "holds 'ü'"),
            ("a\u{661}", "holds '\u{661}'"),
            ("a\u{200b}", "holds '\\u{200b}'"),
            (&"a".repeat(65), "has 65 characters; at most 64"),
        ],
    );
    assert_eq!(advice(session_name("my bot")).as_deref(), Some("'my-bot' would do"));
    assert_eq!(advice(session_name("a\n")).as_deref(), Some("'a' would do"));
    assert_eq!(advice(session_name("-a")).as_deref(), Some("'a' would do"));
    assert_eq!(advice(session_name("1a")), None);
    assert_eq!(advice(session_name("grün")), None);
}

#[test]
fn images() {
    let digest = format!("app@sha256:{}", "0a".repeat(32));
    let both = format!("r.io:5000/a/b:1.0@sha256:{}", "0a".repeat(32));
    ok(
        image,
        &[
            "busybox",
            "python:3.10-slim",
            "registry.io/path/image:tag",
            "localhost/app",
            "localhost:5000/app",
            "localhost:5000/team/app:1.2",
            "127.0.0.1:5000/x",
            "[::1]:5000/x",
            "a/b/c/d",
            "a_b",
            "a__b",
            "a---b",
            "a.b-c",
            "Registry.io/x",
            "x:_tag",
            "x:LATEST",
            "sha256:abc",
            &digest,
            &both,
            &"a".repeat(256),
        ],
    );
    refused(
        image,
        &[
            ("", "cannot be empty"),
            ("App", "cannot be in it"),
            ("a b", "a space cannot be in it"),
            ("app\n", "a line break cannot be in it"),
            ("-v", "does not begin and end"),
            ("a-", "does not begin and end"),
            ("a..b", "separators"),
            ("a___b", "separators"),
            ("a//b", "a part of it is empty"),
            ("/a", "a part of it is empty"),
            ("a/", "a part of it is empty"),
            ("a:", "the tag ''"),
            ("a:-x", "the tag"),
            ("a:b c", "the tag"),
            ("a:b:c", "the tag"),
            (":tag", "a part of it is empty"),
            ("r.io:0/a", "not between 1 and 65535"),
            ("r.io:x/a", "is not a digit"),
            ("r..io/a", "not the name of a registry"),
            ("a@sha256:abc", "digest"),
            ("a@md5:abc", "digest"),
            ("a@", "digest"),
            ("docker://a", "a port's number is missing"),
            ("a;b", "';' cannot be in it"),
            ("a$(b)", "'$' cannot be in it"),
            ("\u{1b}[2J", "a control character"),
            (&"a".repeat(257), "has 257 characters; at most 256"),
        ],
    );
    assert_eq!(
        advice(image("MyApp:1")).as_deref(),
        Some("image names are written in small letters")
    );
}

#[test]
fn volume_specs() {
    ok(
        volume,
        &[
            "/a:/b",
            "./data:/app/data",
            "data:/data",
            "a/b:/c",
            ".:/x",
            "/a:/b:ro",
            "a:/b:Z",
            "/a:/b:ro,z",
            "/a..b:/c",
            "/a b:/c d",
            "/gr\u{fc}n:/x",
            "/a:/",
            "/a,b:/c",
        ],
    );
    refused(
        volume,
        &[
            ("", "no ':'"),
            ("/a", "no ':'"),
            (":/b", "its source is empty"),
            ("/a:", "not an absolute path in the container"),
            ("/a:b", "not an absolute path in the container"),
            ("/a:/b:c:d", "more than SOURCE:TARGET:MODE"),
            ("../../../etc:/x", "its source goes up"),
            ("/a/../etc:/x", "its source goes up"),
            ("/a:/b/..", "its target goes up"),
            ("/a:/b:", "'' is not a mode"),
            ("/a:/b:rx", "'rx' is not a mode"),
            ("/a:/b:RO", "'RO' is not a mode"),
            ("/a:/b\n", "ends in a line break"),
            ("/a\n:/b", "holds a line break"),
            ("/a\0:/b", "holds a NUL"),
            ("~/a:/b", "'~'"),
            ("-v:/b", "neither a path nor a volume's name"),
            ("..:/b", "goes up"),
        ],
    );
    let base = Path::new("/base/x");
    for (given, expected) in [
        ("./a:/b", "/base/x/a:/b"),
        (".:/b", "/base/x:/b"),
        ("a/./b/:/c:ro", "/base/x/a/b:/c:ro"),
        ("a:/b", "a:/b"),
        ("/a:/b:z", "/a:/b:z"),
    ] {
        assert_eq!(absolute_volume(given, base).unwrap(), expected);
    }
    assert!(absolute_volume("./a:/b", Path::new("/x:y")).is_err());
    assert!(absolute_volume("/a:/b", Path::new("/x:y")).is_ok());
    assert!(volumes(&["/a:/b"; MAX_VOLUMES]).is_ok());
    refused(
        |_| volumes(&["/a:/b"; MAX_VOLUMES + 1]),
        &[("", "21 volumes: a session can have at most 20")],
    );
}

#[test]
fn port_specs() {
    ok(
        port,
        &[
            "80",
            "8080:80",
            "8080:80/tcp",
            "53:53/udp",
            "1:65535",
            "127.0.0.1:80:80",
            "0.0.0.0:80:80",
            "127.0.0.1::80",
            "[::1]:80:80",
            "[::]::80/udp",
            "8000-8010:8000-8010",
            "8000-8010:80",
            "8000-8010",
            "127.0.0.1:1-2:3-4",
            "080:80",
            "5:5/sctp",
        ],
    );
    refused(
        port,
        &[
            ("", "cannot be empty"),
            ("0", "not between 1 and 65535"),
            ("65536", "not between 1 and 65535"),
            ("99999999999999999999", "not between 1 and 65535"),
            ("a", "'a' in 'a' is not a digit"),
            ("-1", "a port's number is missing"),
            ("+1", "'+' in '+1' is not a digit"),
            ("80:", "a port's number is missing"),
            (":80", "a port's number is missing"),
            ("80/", "protocol ''"),
            ("80/TCP", "protocol 'TCP'"),
            ("80/tcp/udp", "protocol"),
            ("80\n", "ends in a line break"),
            ("8 0", "a space"),
            ("\u{661}", "is not a digit"),
            ("2-1", "ends before it begins"),
            ("1-2:1-3", "not of the same length"),
            ("1:1-3", "not of the same length"),
            ("localhost:80:80", "is not an IP address"),
            ("1.2.3:80:80", "is not an IP address"),
            ("[::g]:80:80", "not an IPv6 address"),
            ("[::1]80:80", "after an address in brackets"),
            ("::1:80:80", "is not an IP address"),
            ("127.0.0.1:80", "stands a port"),
            ("1:2:3:4", "is not an IP address"),
            ("80;x", "';'"),
        ],
    );
    assert_eq!(advice(port("localhost:80:80")).as_deref(), Some("write 127.0.0.1"));
    assert_eq!(
        advice(port("::1:80:80")).as_deref(),
        Some("write an IPv6 address in brackets: [::1]")
    );
    assert_eq!(advice(port("127.0.0.1:80")).as_deref(), Some("write 127.0.0.1:PORT:80"));
    assert!(ports(&["80"; MAX_PORTS]).is_ok());
    refused(|_| ports(&["80"; MAX_PORTS + 1]), &[("", "51 ports: a session can have at most 50")]);
}

#[test]
fn variables() {
    ok(env_key, &["A", "_", "a1_B", &"A".repeat(128)]);
    refused(
        env_key,
        &[
            ("", "cannot be empty"),
            ("1A", "begins with a digit"),
            ("A-B", "holds '-'"),
            ("A=B", "holds '='"),
            ("A ", "holds a space"),
            ("LD_PRELOAD\n", "holds a line break"),
            ("Ä", "holds 'Ä'"),
            ("A\u{661}", "holds"),
            ("A\0", "holds a NUL"),
            (&"A".repeat(129), "has 129 characters; at most 128"),
        ],
    );
    for key in REFUSED_ENV_KEYS {
        refused(env_key, &[(key, "is refused")]);
    }
    ok(env_key, &["ld_preload", "LD_PRELOAD_X"]);
    assert_eq!(advice(env_key("MY-VAR")).as_deref(), Some("'MY_VAR' would do"));
    let value = |value: &str| env_value("KEY", value);
    ok(value, &["", "x=y", "a\nb", "\u{1b}", &"é".repeat(MAX_ENV_VALUE)]);
    refused(value, &[("secret\0", "NUL"), (&"x".repeat(MAX_ENV_VALUE + 1), "32769 characters")]);
    assert!(!value("secret\0").unwrap_err().to_string().contains("secret"));
    let many = |count: usize| (0..count).map(|n| (format!("V{n}"), String::new())).collect();
    assert!(env(&many(MAX_ENV)).is_ok());
    assert!(env(&many(MAX_ENV + 1)).is_err());
}

#[test]
fn paths_and_flags() {
    ok(path, &["/a", "a b", "../x", "grün"]);
    refused(
        path,
        &[
            ("", "empty"),
            ("a\n", "ends in a line break"),
            ("a\0", "NUL"),
            (&"a".repeat(4096), "4096 bytes"),
        ],
    );
    assert_eq!(
        [yes_or_no("Yes"), yes_or_no("off"), yes_or_no("y")],
        [Some(true), Some(false), None]
    );
}
