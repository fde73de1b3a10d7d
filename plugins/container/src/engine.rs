//! The engines' messages.

use kst_plugin::prelude::*;

/// What a client says whose engine is not there.
const DOWN: &[&str] = &[
    "Cannot connect to the Docker daemon",
    "permission denied while trying to connect to the",
    "error during connect",
    "failed to connect to the docker API",
    "Cannot connect to Podman",
    "unable to connect to Podman",
];

/// How lines begin that say nothing about the failure: advice, and podman's own log.
const ASIDES: [&str; 3] = ["Run '", "See '", "time=\""];

/// How docker begins to say that it has to fetch an image.
const NO_IMAGE: &str = "Unable to find image ";

/// What the engine said, without what it puts before and after every message.
pub fn words(output: &Output) -> String {
    let line = output
        .stderr
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !ASIDES.iter().any(|aside| line.starts_with(aside)))
        .unwrap_or_default();
    if line.is_empty() {
        return output.complaint();
    }
    let mut words = line;
    for before in ["docker: ", "Error response from daemon: ", "Error: "] {
        words = words.strip_prefix(before).unwrap_or(words);
    }
    // Why it could not be fetched does not always tell what.
    match output.stderr.lines().map(str::trim).find(|line| line.starts_with(NO_IMAGE)) {
        Some(image) if image != line => [image, ": ", words].concat(),
        _ => words.into(),
    }
}

/// The error for a command that failed: the engine is down, or it said no.
pub fn failure(output: &Output) -> Error {
    if output.is_down(DOWN) {
        Error::Unavailable(words(output))
    } else {
        Error::Failed(words(output))
    }
}

/// The output of a command that must not fail.
pub fn checked(output: Output) -> Result<Output, Error> {
    if output.ok() { Ok(output) } else { Err(failure(&output)) }
}

/// Whether the engine says that there is no such container.
pub fn no_such(output: &Output) -> bool {
    !output.is_down(DOWN)
        && ["No such container", "no such container", "no container with name or ID"]
            .iter()
            .any(|text| output.stderr_has(text))
}

/// Whether it is a container's full id.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The error for a line that no engine prints.
pub fn nonsense(line: &str) -> Error {
    let shown: String = line.chars().take(60).collect();
    Error::Failed(["the engine printed what is nothing about a container: '", &shown, "'"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> Output {
        Output::new(ExitStatus::Code(125), "", stderr)
    }

    // Printed by docker 28 with engine 20.10, and by podman 4.3.1.
    const DOCKER_MISSING: &str = "docker: Error response from daemon: failed to create shim task: \
        exec: \"nosuch\": executable file not found in $PATH: unknown\n\n\
        Run 'docker run --help' for more information\n";
    const PODMAN_PULL: &str = "time=\"2026-11-23T05:36:13Z\" level=warning msg=\"The input device \
        is not a TTY.\"\nTrying to pull localhost/nosuch:latest...\nError: initializing source \
        docker://localhost/nosuch:latest: connection refused\n";
    const DOCKER_PULL: &str = "Unable to find image 'localhost/nosuch:1' locally\n\
        docker: Error response from daemon: Get \"http://localhost/v2/\": connection refused.\n\
        See 'docker run --help'.\n";
    const DOCKER_DOWN: &str = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. \
        Is the docker daemon running?\n";

    #[test]
    fn the_engines_words_stand_alone() {
        assert_eq!(
            words(&failed(DOCKER_MISSING)),
            "failed to create shim task: exec: \"nosuch\": executable file not found in $PATH: \
             unknown"
        );
        assert_eq!(
            words(&failed(PODMAN_PULL)),
            "initializing source docker://localhost/nosuch:latest: connection refused"
        );
        assert_eq!(words(&failed("")), "it ended with code 125");
        assert_eq!(
            words(&failed(DOCKER_PULL)),
            "Unable to find image 'localhost/nosuch:1' locally: Get \"http://localhost/v2/\": \
             connection refused."
        );
    }

    #[test]
    fn down_is_told_from_no() {
        assert!(matches!(failure(&failed(DOCKER_DOWN)), Error::Unavailable(_)));
        assert!(matches!(failure(&failed(DOCKER_MISSING)), Error::Failed(_)));
    }

    #[test]
    fn no_such_container_on_both() {
        assert!(no_such(&failed("Error response from daemon: No such container: x\n")));
        assert!(no_such(&failed("Error: inspecting object: no such container x\n")));
        assert!(!no_such(&failed(DOCKER_DOWN)));
    }
}
