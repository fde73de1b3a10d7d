//! What is told of a container after its end.

use serde_json::{Value, json};

use super::{each_engine, start, until_ended};
use crate::support::until;

#[test]
fn a_run_tells_its_number_its_times_and_its_end() {
    each_engine(|world, engine| {
        let name = world.name("job");
        start(world, &name, "exit 3");
        until_ended(world, &name);
        let first = world.status(&name);
        assert_eq!((&first["run"], &first["exit_code"]), (&json!(1), &json!(3)), "{first}");
        assert_eq!(
            (&first["restarts"], &first["out_of_memory"]),
            (&json!(0), &json!(false)),
            "{engine}: {first}"
        );
        let time = |status: &Value, key: &str| -> jiff::Timestamp {
            status[key].as_str().and_then(|text| text.parse().ok()).expect("a time")
        };
        assert!(time(&first, "created_at") <= time(&first, "started_at"), "{engine}: {first}");
        // docker may write down the start of what ends at once a moment after its end.
        let ran = time(&first, "ended_at").duration_since(time(&first, "started_at"));
        assert!(ran.as_secs() == 0, "{engine}: {first}");

        start(world, &name, "exit 0");
        until_ended(world, &name);
        let second = world.status(&name);
        assert_eq!((&second["run"], &second["exit_code"]), (&json!(2), &json!(0)), "{second}");
        let list = world.kst(["list", "-b", "container", "--json"]).ok().json();
        let list = list.as_array().expect("an array");
        let row = list.iter().find(|row| row["name"] == *name).expect("it is in the list");
        for key in ["run", "started_at", "ended_at", "restarts", "out_of_memory"] {
            assert_eq!(row[key], second[key], "{key}: {row}");
        }
    });
}

#[test]
fn an_end_for_want_of_memory_is_told() {
    each_engine(|world, engine| {
        let name = world.name("hungry");
        let image = world.image();
        // tail keeps what it reads until a line ends.
        let args = ["run", "-d", "--memory", "16m", "--name", &name, &image, "tail", "/dev/zero"];
        let run = world.engine(engine, args);
        if run.code != Some(0) {
            // No memory can be limited where the control groups are somebody else's.
            eprintln!("NOT TESTED on {engine}: {run}");
            return;
        }
        until("it has ended", || world.status(&name)["state"] == "exited");
        let status = world.status(&name);
        if status["out_of_memory"] == false {
            // The engine itself did not notice: then it is not kst that guesses.
            let format = "{{.State.OOMKilled}}";
            let told = world.engine(engine, ["container", "inspect", "--format", format, &name]);
            assert_eq!(told.ok().out().trim(), "false", "{engine}: {status}");
            eprintln!("NOT TESTED: {engine} does not tell of it here");
            return;
        }
        assert_eq!((&status["out_of_memory"], &status["signal"]), (&json!(true), &json!(9)));
        world.kst(["status", &name]).ok().prints("exit:        signal 9 (SIGKILL): out of memory");
        world.kst(["list"]).ok().prints("OOM (");
    });
}

#[test]
fn an_engines_own_restarts_are_counted() {
    each_engine(|world, engine| {
        let (name, image) = (world.name("again"), world.image());
        let policy = ["run", "-d", "--restart", "on-failure:2", "--name", &name, &image];
        let args = policy.into_iter().chain(["sh", "-c", "exit 5"]);
        world.engine(engine, args).ok();
        until("the engine has given up", || {
            let status = world.status(&name);
            status["state"] == "exited" && status["restarts"] == 2
        });
        let status = world.status(&name);
        assert_eq!((&status["exit_code"], &status["ours"]), (&json!(5), &json!(false)));
        assert_eq!(status["run"], Value::Null, "{engine}: {status}");
        world.kst(["status", &name]).ok().prints("restarts:    2\n");
    });
}
