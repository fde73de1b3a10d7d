//! The documents on security name the test that shows each of their sentences.

use std::fs;

use kst::limits::Limit;

use super::support::project;

/// The source that holds a test of a target.
fn source(target: &str, modules: &str) -> String {
    let path = modules.replace("::", "/");
    let candidates = match target {
        "hostile" | "e2e" => {
            vec![format!("tests/{target}/{path}.rs"), format!("tests/{target}/{path}/mod.rs")]
        }
        // A unit test stands in `tests.rs` beside its module, or below it in the same file.
        "lib" => vec![
            format!("host/src/{path}.rs"),
            format!("host/src/{}.rs", path.trim_end_matches("/tests")),
        ],
        _ => panic!("there is no target {target}"),
    };
    let read = candidates.iter().find_map(|file| fs::read_to_string(project().join(file)).ok());
    read.unwrap_or_else(|| panic!("none of {candidates:?} is there"))
}

/// The table of limits has those of the program, with their amounts, and no other.
#[test]
fn every_limit_is_documented_as_it_is() {
    let document = fs::read_to_string(project().join("docs/security.md")).expect("it is there");
    let (_, table) = document.split_once("| `ops.limits` |").expect("there is a table of limits");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let documented: Vec<Vec<String>> = rows
        .map(|row| row.split('|').map(|cell| cell.trim().replace(['`', ','], "")).collect())
        .collect();
    let plain = |text: &str| text.replace(['`', ','], "");
    let known = Limit::ALL.iter().map(|limit| {
        let most = limit.shown(limit.ceiling());
        (limit.key().to_owned(), plain(limit.about()), limit.shown(limit.default()), most)
    });
    let documented = documented
        .iter()
        .map(|row| (row[1].clone(), row[2].clone(), row[3].clone(), row[5].clone()));
    assert_eq!(documented.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

#[test]
fn every_test_that_the_document_names_is_there() {
    let read = |name: &str| fs::read_to_string(project().join(name)).expect("it is there");
    let document = read("docs/security.md") + &read("docs/forms-review.md");
    let mut named = 0;
    for quoted in document.split('`').skip(1).step_by(2) {
        let Some((target, name)) = quoted.split_once(' ') else { continue };
        if !matches!(target, "hostile" | "e2e" | "lib") {
            continue;
        }
        let (modules, name) = name.rsplit_once("::").expect("a test stands in a module");
        let text = source(target, modules);
        assert!(
            text.contains(&format!("#[test]\nfn {name}()"))
                || text.contains(&format!("    fn {name}()")),
            "{quoted}"
        );
        named += 1;
    }
    assert!(named > 40, "{named}");
}
