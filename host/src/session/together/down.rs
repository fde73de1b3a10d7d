//! Taking sessions down.

use super::plan::Plan;
use super::stage::{Board, OnStage, Slots, Stage, each};
use super::up::AT_ONCE;
use crate::session::host::Host;
use crate::session::shared::SharedSurvey;
use crate::session::stop::StopOptions;
use crate::session::survey::Filter;
use crate::{Error, Result};

/// How [`Host::down`] does it.
#[derive(Debug, Clone)]
pub struct DownOptions {
    /// How each is stopped.
    pub stop: StopOptions,
}

impl Host {
    /// Stop the sessions of a plan that run and that kst started, each when those that need it are
    /// gone. One that cannot be stopped keeps what it needs running, and nothing else.
    ///
    /// `told` hears of each stage; the last ones are returned, in the order in which they were due.
    pub fn down(
        &self,
        plan: &Plan,
        options: &DownOptions,
        told: OnStage<'_>,
    ) -> Vec<(String, Stage)> {
        let names = || plan.steps.iter().rev().map(|step| step.name.as_str());
        let board = Board::new(names(), told);
        let slots = Slots::new(AT_ONCE);
        let shared = SharedSurvey::of(self, plan.steps.len());
        each(names(), &board, |name| {
            // In a circle each needs all others: those that stand before it don't wait for it.
            let later = plan.steps.iter().skip_while(|step| step.name != name).skip(1);
            let needing = later.filter(|other| other.needs(name));
            let needing: Vec<&str> = needing.map(|other| other.name.as_str()).collect();
            let stage = match board.wait_over(&needing) {
                Ok(()) => slots
                    .with(|| self.down_one(name, options, &board, &shared))
                    .unwrap_or_else(Stage::failed),
                Err(because) => Stage::Skipped { because },
            };
            board.reach(name, stage, &[]);
        });
        board.last(names())
    }

    fn down_one(
        &self,
        name: &str,
        options: &DownOptions,
        board: &Board<'_>,
        shared: &SharedSurvey<'_>,
    ) -> Result<Stage> {
        let everywhere = Filter::default();
        let found = match shared.running(name, &everywhere) {
            Some(found) => found,
            None => match self.find(name, &everywhere) {
                // Its definition is broken, and it never ran.
                Err(Error::NotFound { .. }) => return Ok(Stage::NotRunning),
                found => found?,
            },
        };
        if !found.is_running() {
            return Ok(Stage::NotRunning);
        }
        if !found.status.ours {
            return Ok(Stage::LeftAlone);
        }
        board.reach(name, Stage::Stopping, &[]);
        let outcome = self.stop_found(&found, options.stop)?;
        Ok(Stage::Stopped(Box::new(outcome.status)))
    }
}
