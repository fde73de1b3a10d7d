//! Containers that come up together.

use super::each_engine;
use crate::support::until;

#[test]
fn containers_come_up_in_their_order_and_go_down_again() {
    each_engine(|world, engine| {
        let (db, migrate, api) = (world.name("db"), world.name("migrate"), world.name("api"));
        let image = world.image();
        world.config(&format!(
            "ops:
  default_backend: container
  sessions:
    {api}:
      image: {image}
      command: [sh, -c, 'echo api runs; sleep 1000']
      depends_on: {{{db}: , {migrate}: succeeded}}
    {migrate}:
      image: {image}
      command: [sh, -c, 'sleep 0.3; echo migrated']
      depends_on: {db}
    {db}:
      image: {image}
      command: [sh, -c, 'trap \"exit 0\" TERM; sleep 0.5; echo db is up; sleep 1000 & wait']
      ready: {{log: db is up}}
"
        ));
        let up = world.kst(["up"]);
        let said = up.ok().out();
        let at =
            |text: String| said.find(&text).unwrap_or_else(|| panic!("{engine}: {text}\n{up}"));
        let ready = at(format!("{db}: ready after"));
        let started = at(format!("{migrate}: started"));
        let done = at(format!("{migrate}: done"));
        assert!(ready < started && started < done && done < at(format!("{api}: started")), "{up}");
        until("it prints", || world.kst(["logs", &api]).ok().out() == "api runs\n");
        world.kst(["up"]).ok().prints(&format!("{migrate}: done")).hides("started (");
        let down = world.kst(["down", &db, "-t", "2"]);
        let said = down.ok().out();
        assert!(
            said.find(&format!("{api}: stopped")) < said.find(&format!("{db}: stopped")),
            "{down}"
        );
        assert_eq!(world.status(&db)["exit_code"], 0, "{engine}");
    });
}

#[test]
fn a_container_that_ends_before_it_is_ready_shows_what_it_said() {
    each_engine(|world, engine| {
        let db = world.name("db");
        world.config(&format!(
            "ops: {{sessions: {{{db}: {{backend: container, image: '{}', command: [sh, -c, 'echo no \
             disk; exit 5'], ready: {{log: up}}}}}}}}",
            world.image()
        ));
        let up = world.kst(["up"]);
        up.exits(1).says("ended with code 5 before it was ready").says("| no disk");
        assert_eq!(world.status(&db)["exit_code"], 5, "{engine}");
        world.config(&format!(
            "ops: {{sessions: {{{db}: {{backend: container, image: '{}', command: sleep 1000, ready: \
             {{command: 'true'}}}}}}}}",
            world.image()
        ));
        world.kst(["up"]).exits(1).says("use `log` or `tcp`");
    });
}
