//! The ledger, from which kst knows which sessions are its own: one that others could have written
//! makes none.

use kst::guard::Guard;

use super::script::LAUNCH;
use super::{Attack, Script};

/// An ended session of kst's, of which the ledger tells; before it is to be removed, this happens to the
/// ledger (`$state` is its folder).
fn removing(happens: &str) -> Attack {
    let script = Script::launching()
        .on("start", &[&["try", "new"]])
        .on("remove", &[&["try", "ls"], &["try", "rm"]]);
    Attack::by(script)
        .engine("new", LAUNCH)
        .engine("ls", &format!("state=$HOME/.local/state/kst\n{happens}\necho '7 down 0 old'"))
        .kst(&["start", "old", "-b", "evil", "--", "true"])
        .kst(&["remove", "old", "-b", "evil"])
        .exits(1)
        .says("was not made by kst")
        .running_anything()
}

#[test]
fn one_that_is_a_link() {
    let link = "ledger=$state/ledger.jsonl; [ -L $ledger ] || { mv $ledger $ledger.real; ln -s $ledger.real $ledger; }";
    removing(link).stopped_by(&[Guard::NoLinks]).lands_when(|seen| seen.ran(&["box", "rm", "7"]));
}

#[test]
fn one_in_a_folder_that_others_can_write() {
    removing("chmod 777 $state")
        .stopped_by(&[Guard::StateOwner])
        .lands_when(|seen| seen.ran(&["box", "rm", "7"]));
}
