//! Which session a name means.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{each_client, each_engine, id, names, run_foreign, start};
use crate::support::{Engine, World};

#[test]
fn names_ids_and_images_are_not_mixed_up() {
    each_client(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "sleep 1000");
        let its_id = id(world, engine, &name);
        let longer = format!("{name}-2");
        start(world, &longer, "sleep 1000");
        let near = [&its_id[..4], &its_id[..12], &its_id, &name[..name.len() - 1], "kst-test"];
        for near in near {
            for command in ["stop", "status", "logs", "remove", "attach"] {
                let outcome = world.kst([command, near]);
                assert!(matches!(outcome.code, Some(2 | 3)), "{engine}: {outcome}");
            }
        }
        world.kst(["stop", &name]).ok();
        assert_eq!(world.status(&longer)["state"], "running", "{engine}");
    });
}

#[test]
fn other_things_of_the_name_are_no_sessions() {
    each_engine(|world, engine| {
        let name = world.name("thing");
        let things = Things { world, engine, name: &name };
        let image = format!("localhost/{name}:latest");
        world.engine(engine, ["tag", &world.image(), &image]).ok();
        world.engine(engine, ["volume", "create", &name]).ok();
        world.engine(engine, ["network", "create", &name]).ok();
        for command in ["stop", "status", "logs", "remove"] {
            world.kst([command, &name]).exits(3);
            world.kst([command, &name, "-b", "container"]).exits(3);
        }
        start(world, &name, "sleep 1000");
        assert_eq!(world.status(&name)["state"], "running", "{engine}");
        drop(things);
    });
}

/// An image, a volume and a network of one name, removed at the end.
struct Things<'a> {
    world: &'a World,
    engine: Engine,
    name: &'a str,
}

impl Drop for Things<'_> {
    fn drop(&mut self) {
        let image = format!("localhost/{}:latest", self.name);
        for args in
            [&["rmi", &image][..], &["volume", "rm", self.name], &["network", "rm", self.name]]
        {
            self.world.engine(self.engine, args);
        }
    }
}

#[test]
fn a_name_that_is_the_beginning_of_anothers_id_means_the_name() {
    each_engine(|world, engine| {
        let other = world.name("other");
        start(world, &other, "sleep 1000");
        let short = id(world, engine, &other)[..12].to_owned();
        let image = world.image();
        let named = Named { world, engine, name: short.clone() };
        world.engine(engine, ["run", "-d", "--name", &short, &image, "sleep", "1000"]).ok();
        assert_eq!(world.status(&short)["name"], short, "{engine}");
        assert_eq!(world.status(&short)["ours"], false, "{engine}");
        world.kst(["stop", "--force", &short]).ok();
        assert_eq!(world.status(&short)["state"], "exited", "{engine}");
        assert_eq!(world.status(&other)["state"], "running", "{engine}");
        drop(named);
        // With the container of that name gone, the id alone means nothing.
        world.kst(["stop", "--force", &short]).exits(3);
        assert_eq!(world.status(&other)["state"], "running", "{engine}");
    });
}

/// A container whose name does not tell its world, removed at the end.
struct Named<'a> {
    world: &'a World,
    engine: Engine,
    name: String,
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        // By its full id: by this name podman and docker might find another.
        let filter = format!("name=^{}$", self.name);
        let found =
            self.world.engine(self.engine, ["ps", "-aq", "--no-trunc", "--filter", &filter]);
        for id in found.out().split_whitespace() {
            self.world.engine(self.engine, ["rm", "-f", id]);
        }
    }
}

#[test]
fn one_name_in_both_engines_is_ambiguous() {
    let Some(world) = World::with([Engine::Podman, Engine::Docker]) else { return };
    let name = world.name("dev");
    for engine in [Engine::Podman, Engine::Docker] {
        run_foreign(&world, engine, &name, "sleep 1000");
    }
    for command in ["status", "stop", "logs", "remove", "start"] {
        world.kst([command, &name]).exits(5).says("podman").says("docker");
    }
    let list = world.kst(["list", "--json"]).ok().json();
    let mut places: Vec<&str> = list
        .as_array()
        .expect("an array")
        .iter()
        .filter(|row| row["name"] == name)
        .filter_map(|row| row["location"].as_str())
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["docker", "podman"]);
    // Said where, it is clear; and one that runs comes before one that has ended.
    world.kst(["stop", "--force", &name, "-L", "docker"]).ok();
    assert_eq!(world.status(&name)["location"], "podman");
    assert_eq!(
        world.kst(["status", &name, "-L", "docker", "--json"]).ok().json()["state"],
        "exited"
    );
}

#[test]
fn the_configs_runtime_is_where_everything_looks() {
    let Some(world) = World::with([Engine::Podman, Engine::Docker]) else { return };
    let (here, there) = (world.name("here"), world.name("there"));
    run_foreign(&world, Engine::Docker, &here, "sleep 1000");
    run_foreign(&world, Engine::Podman, &there, "sleep 1000");
    world.config("ops: {container_runtime: docker}");
    assert_eq!(world.status(&here)["location"], "docker");
    for filter in [&[][..], &["-b", "container"]] {
        let list = world.kst(["list", "-q"].iter().chain(filter));
        list.ok().prints(&here).hides(&there);
        world.kst(["status", &there].iter().chain(filter)).exits(3);
        world.kst(["stop", &there].iter().chain(filter)).exits(3);
    }
    let (image, new) = (world.image(), world.name("new"));
    world.kst(["start", &new, "-b", "container", "-i", &image, "--", "sleep", "1000"]).ok();
    assert!(names(&world, Engine::Docker).contains(&new));
    // A session of the config that names the other engine is looked for there.
    let own = world.name("own");
    world.config(&format!(
        "ops: {{container_runtime: docker, sessions: {{{own}: {{backend: container, image: '{image}', \
         runtime: podman, command: sleep 1000}}}}}}"
    ));
    world.kst(["start", &own]).ok();
    assert!(names(&world, Engine::Podman).contains(&own));
    assert_eq!(world.status(&own)["state"], "running");
    world.kst(["list", "-q"]).ok().prints(&own).prints(&here);
    world.kst(["stop", "--force", &own]).ok();
}

#[test]
fn a_list_of_fifty_is_right() {
    each_engine(|world, engine| {
        let base = world.name("many");
        let client = world.path("engines").join(engine.program());
        let script = format!(
            "for i in $(seq 50); do '{}' create --name {base}-$i {} true; done",
            client.display(),
            world.image()
        );
        let made = world.program("sh").args(["-c", &script]);
        made.deadline(Duration::from_secs(180)).run().ok();
        let list = world.kst(["list", "-q", "-b", "container"]).ok().out();
        let found: BTreeSet<&str> = list.lines().filter(|name| name.starts_with(&base)).collect();
        let wanted: Vec<String> = (1..=50).map(|number| format!("{base}-{number}")).collect();
        assert_eq!(found, wanted.iter().map(String::as_str).collect(), "{engine}");
    });
}
