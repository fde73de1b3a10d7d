//! `ops.limits`: who may raise what, and by how much.

use super::*;
use crate::limits::Limit;

fn own(limits: &str) -> Place {
    let place = Place::new();
    place.write("home/.config/kstlib.conf.yml", format!("ops:\n  limits:\n    {limits}\n"));
    place
}

#[test]
fn the_users_own_config_raises_them() {
    let place = own("{runs: 100, memory: 256 MiB, run_time: 1min, output_size: 8388608, details:}");
    let config = place.load();
    assert_eq!(lines(&config), [""; 0]);
    let limits = config.limits();
    assert_eq!(limits.get(Limit::Runs), 100);
    assert_eq!(limits.get(Limit::Memory), 256 << 20);
    assert_eq!(limits.get(Limit::RunTime), 60);
    assert_eq!(limits.get(Limit::OutputSize), 8 << 20);
    assert_eq!(limits.get(Limit::Details), 32);
    assert_eq!(Config::empty().limits(), &Limits::default());
    // The system's does, and the user's goes above it.
    place.write("xdg1/kstlib/kstlib.conf.yml", "ops: {limits: {runs: 500, sessions: 20000}}\n");
    let config = place.load();
    assert_eq!(config.limits().get(Limit::Runs), 100);
    assert_eq!(config.limits().get(Limit::Sessions), 20_000);
}

#[test]
fn a_directory_raises_none() {
    let raising = "ops: {limits: {runs: 500, sessions: 20000}}\n";
    let place = own("{runs: 100}");
    place.write("work/kstlib.conf.yml", format!("include: sub/more.yml\n{raising}"));
    place.write("work/sub/more.yml", raising);
    let config = place.load();
    let said: Vec<_> = config.problems().iter().map(|one| (one.line, one.severity)).collect();
    assert_eq!(said, [(Some(2), Severity::Warning), (Some(1), Severity::Warning)]);
    let problem = &config.problems()[0];
    assert!(problem.what.contains("the config of a directory cannot raise limits"), "{problem}");
    assert!(problem.advice.as_ref().is_some_and(|advice| advice.contains("--config")));
    assert_eq!(config.limits().get(Limit::Runs), 100);
    assert_eq!(config.limits().get(Limit::Sessions), 10_000);
    // What else the files say is still there.
    place
        .write("work/kstlib.conf.yml", "ops: {limits: {runs: 9}, sessions: {a: {command: top}}}\n");
    session(&place.load(), "a");
    // An empty section says nothing.
    place.write("work/kstlib.conf.yml", "ops: {limits: }\n");
    assert_eq!(lines(&place.load()), [""; 0]);
    // Named by the user, it is the user's.
    place.write("work/kstlib.conf.yml", raising);
    let explicit = Some(PathBuf::from("kstlib.conf.yml"));
    let config = Config::load(&Sources { explicit, ..place.sources() }).unwrap();
    assert_eq!(config.limits().get(Limit::Runs), 500);
}

#[test]
fn amounts_that_are_none() {
    for (limits, what, advice) in [
        ("{runs: 63}", "'63' is less than the default, 64", "leave it out for 64"),
        ("{memory: 1 MiB}", "less than the default, 128 MiB", "leave it out"),
        ("{run_time: 5s}", "less than the default, 10 s", "leave it out"),
        ("{memory: 5 GiB}", "more than 4 GiB", "at most"),
        ("{runs_at_once: 257}", "more than 256", "at most"),
        ("{runs: many}", "'many' is not a whole number", ""),
        ("{runs: 100.5}", "is not a whole number", ""),
        ("{memory: 1.5 GiB}", "is not a size, such as 64 MiB", ""),
        ("{run_time: soon}", "is not a time, such as 90s", ""),
        ("{runs: [100]}", "a list stands where a number belongs", ""),
        ("{memory: {a: b}}", "a mapping stands where a size belongs", ""),
        ("[1]", "a list stands where a mapping of names belongs", ""),
    ] {
        let config = own(limits).load();
        let problem = problem(&config);
        assert_eq!(problem.severity, Severity::Error, "{limits}");
        assert!(problem.what.contains(what), "{limits}: {problem}");
        let advised = problem.advice.clone().unwrap_or_default();
        assert!(advised.contains(advice), "{limits}: {advised}");
        assert_eq!(config.limits(), &Limits::default(), "{limits}");
    }
    let config = own("{run: 100}").load();
    assert_eq!(problem(&config).severity, Severity::Warning);
    assert_eq!(problem(&config).advice.as_deref(), Some("did you mean 'runs'?"));
}

#[test]
fn they_are_shown_and_in_the_schema() {
    let config = own("{runs: 100}").load();
    let shown = config.show();
    let leaves: BTreeMap<_, _> = shown.leaves().into_iter().collect();
    let schema = schema();
    let known = &schema["properties"]["ops"]["properties"]["limits"]["properties"];
    for limit in Limit::ALL {
        let leaf = leaves[&format!("ops.limits.{}", limit.key())];
        let property = &known[limit.key()];
        if *limit == Limit::Runs {
            assert_eq!((&leaf.value, leaf.line), (&100.into(), Some(3)));
        } else {
            assert_eq!((&leaf.value, &leaf.file), (&property["default"], &None), "{limit:?}");
        }
        assert_eq!(property["minimum"], limit.default());
        assert_eq!(property["maximum"], limit.ceiling());
        assert!(property["description"].as_str().unwrap().contains(limit.about()));
    }
    assert_eq!(known["memory"]["default"], "128 MiB");
}
