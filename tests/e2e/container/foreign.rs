//! Containers that kst did not make.

use super::{each_client, each_engine, id, names, run_foreign};
use crate::support::until;

#[test]
fn a_foreign_container_is_never_removed_or_replaced() {
    each_engine(|world, engine| {
        let (name, image) = (world.name("theirs"), world.image());
        run_foreign(world, engine, &name, "echo run; exit 5");
        let its_id = id(world, engine, &name);
        until("it has ended", || world.status(&name)["state"] == "exited");
        let status = world.status(&name);
        assert_eq!((&status["exit_code"], &status["ours"]), (&5.into(), &false.into()));

        for place in [&[][..], &["-b", "container"], &["-L", engine.program()]] {
            let start = ["start", &name].into_iter().chain(place.iter().copied());
            let definition = ["-i", &image, "--", "sleep", "1000"];
            world.kst(start.chain(definition)).exits(4).says(&name).says("kst start");
        }
        let defined = ["start", &name, "-b", "container", "-e", "A=1"];
        assert!(matches!(world.kst(defined).code, Some(2 | 4)), "{engine}");
        world.kst(["remove", &name]).exits(1).says("not made by kst");
        assert_eq!(id(world, engine, &name), its_id, "{engine}");
        assert_eq!(world.kst(["logs", &name]).ok().out(), "run\n", "{engine}");

        // Without a definition it is started again as it is, and stays theirs.
        for start in [&["start", &name][..], &["start", &name, "-b", "container"]] {
            world.kst(start).ok();
            until("it has ended again", || world.status(&name)["state"] == "exited");
            assert_eq!(world.status(&name)["ours"], false, "{engine}");
            assert_eq!(id(world, engine, &name), its_id, "{engine}");
        }
        assert_eq!(world.kst(["logs", &name]).ok().out(), "run\nrun\nrun\n", "{engine}");
        world.kst(["remove", &name]).exits(1);
        assert!(names(world, engine).contains(&name), "{engine}");
    });
}

#[test]
fn a_foreign_container_can_be_stopped_and_resumed() {
    each_engine(|world, engine| {
        let name = world.name("theirs");
        run_foreign(
            world,
            engine,
            &name,
            "trap 'exit 4' TERM; echo up; while :; do sleep 0.1; done",
        );
        until("it hears TERM", || world.kst(["logs", &name]).ok().out().contains("up"));
        let its_id = id(world, engine, &name);
        world.kst(["start", &name]).exits(4);
        world.kst(["stop", &name]).ok();
        let status = world.status(&name);
        assert_eq!((&status["state"], &status["exit_code"]), (&"exited".into(), &4.into()));
        world.kst(["start", &name]).ok();
        let status = world.status(&name);
        assert_eq!((&status["state"], &status["ours"]), (&"running".into(), &false.into()));
        world.kst(["stop", "--force", &name]).ok();
        assert_eq!(id(world, engine, &name), its_id, "{engine}");

        // One that was created and never run has not exited.
        let made = world.name("made");
        world.engine(engine, ["create", "--name", &made, &world.image(), "sleep", "1000"]).ok();
        let status = world.status(&made);
        assert_eq!((&status["state"], &status["exit_code"]), (&"stopped".into(), &().into()));
        world.kst(["start", &made]).ok();
        assert_eq!(world.status(&made)["state"], "running", "{engine}");
    });
}

#[test]
fn what_a_container_says_of_itself_forges_nothing() {
    each_client(|world, engine| {
        let (ours, theirs) = (world.name("ours"), world.name("theirs"));
        super::start(world, &ours, "sleep 1000");
        let image = world.image();
        let label = ["container", "inspect", "--format", "{{index .Config.Labels \"kst.run\"}}"];
        let run = world.engine(engine, label.into_iter().chain([&*ours])).ok().out();
        let forged = "x\" \"exited\",9,\n0123 forged 1 \"\" \"running\",0\u{1b}[2J";
        let labels = [
            format!("kst.run={}", run.trim()),
            format!("other={forged}"),
            "x\",\"running\",0\u{1b}[2J=x".to_owned(),
        ];
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        let start = ["run", "-d", "--name", &theirs].into_iter().chain(labels);
        let env = format!("A={forged}");
        let args = start.chain(["-e", &env, &image, "sh", "-c", "sleep 1000", forged]);
        world.engine(engine, args).ok();
        // A program of such a name leaves it in the engine's error.
        let failed = world.name("failed");
        world.engine(engine, ["create", "--name", &failed, &image, forged]).ok();
        assert_ne!(world.engine(engine, ["start", &failed]).code, Some(0));

        let list = world.kst(["list", "--json"]).ok().json();
        let told: Vec<(&str, &str, bool)> = list
            .as_array()
            .expect("an array")
            .iter()
            .filter_map(|row| {
                let name = row["name"].as_str()?;
                let near = name.contains("forged")
                    || [&ours, &theirs, &failed].contains(&&name.to_owned());
                near.then_some((name, row["state"].as_str()?, row["ours"].as_bool()?))
            })
            .collect();
        assert_eq!(told.len(), 3, "{engine}: {told:?}");
        assert!(told.contains(&(&ours, "running", true)), "{engine}: {told:?}");
        assert!(told.contains(&(&theirs, "running", false)), "{engine}: {told:?}");
        assert!(told.contains(&(&failed, "stopped", false)), "{engine}: {told:?}");
        for command in [&["list"][..], &["status", &theirs], &["status", &failed]] {
            world.kst(command).ok().hides("\u{1b}[2J").hides("\n0123 forged");
        }
        // The label alone makes nobody ours.
        world.kst(["stop", "--force", &theirs]).ok();
        world.kst(["remove", &theirs]).exits(1);
        assert_eq!(world.status(&ours)["state"], "running", "{engine}");
    });
}
