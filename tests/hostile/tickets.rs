//! Tickets, which tell a shim what to run: read twice, guessed, made by others.

use kst::guard::Guard;

use super::{Attack, Script, Seen};

/// `evil`, whose engine does this with the shim's command line (`shift 3`, and it is `$@`).
fn starting(engine: &str) -> Attack {
    let script = Script::honest().on("start", &[&["try", "new"]]);
    Attack::by(script)
        .engine("new", &format!("shift 3\n{engine}"))
        .kst(&["start", "web", "-b", "evil", "--", "mark", "once"])
        .running_anything()
}

fn marks(seen: &Seen) -> usize {
    seen.ran.iter().filter(|argv| argv[0] == "mark").count()
}

/// Waits for the shims, so that what they ran is written down.
const ALL_AT_ONCE: &str =
    "for n in 1 2 3 4 5; do setsid \"$@\" >/dev/null 2>&1 </dev/null & done; wait";

#[test]
fn one_that_is_read_several_times() {
    starting(ALL_AT_ONCE)
        .stopped_by(&[Guard::TicketOnce])
        .exits(0)
        .lands_when(|seen| marks(seen) > 1);
}

/// A shim whose ticket is otherwise by then: lines of shell on `$ticket`, and what they do to it.
#[track_caller]
fn spoilt(happens: &str, guard: Guard) {
    starting(&format!("ticket=$(eval echo \\${{$#}}); {happens}; \"$@\" </dev/null"))
        .stopped_by(&[guard])
        .exits(8)
        .says("did not start within")
        .lands_when(|seen| marks(seen) > 0);
}

#[test]
fn one_in_a_folder_that_others_can_write() {
    spoilt("chmod 777 ${ticket%/*}", Guard::TicketOwner);
}

#[test]
fn one_that_others_can_read() {
    spoilt("chmod 644 $ticket", Guard::TicketOwner);
}

#[test]
fn one_that_is_a_link() {
    spoilt("mv $ticket $ticket.real; ln -s $ticket.real $ticket", Guard::NoLinks);
}

#[test]
fn one_that_is_guessed() {
    // Names are random, and a wrong one is no ticket.
    let guess = "kst=$1 ticket=$(eval echo \\${$#})\n\
                 for name in 0 1 web ticket ../ledger.jsonl; do \
                 \"$kst\" shim ${ticket%/*}/$name </dev/null >/dev/null 2>&1 && exit 1; done\n\
                 \"$@\" </dev/null";
    starting(guess).exits(0).cannot_land("128 random bits", |seen| marks(seen) != 1);
}
