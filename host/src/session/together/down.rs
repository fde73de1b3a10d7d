//! Taking sessions down.

use super::plan::Plan;
use super::stage::{Board, OnStage, Slots, Stage, each};
use super::up::AT_ONCE;
use crate::Result;
use crate::session::host::Host;
use crate::session::model::SessionState;
use crate::session::stop::StopOptions;
use crate::session::survey::Filter;

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
        each(names(), &board, |name| {
            let needing = plan.steps.iter().filter(|other| other.needs(name));
            let needing: Vec<&str> = needing.map(|other| other.name.as_str()).collect();
            let stage = match board.wait_over(&needing) {
                Ok(()) => slots
                    .with(|| self.down_one(name, options, &board))
                    .unwrap_or_else(Stage::failed),
                Err(because) => Stage::Skipped { because },
            };
            board.reach(name, stage, &[]);
        });
        board.last(names())
    }

    fn down_one(&self, name: &str, options: &DownOptions, board: &Board<'_>) -> Result<Stage> {
        let status = self.status(name, &Filter::default())?;
        if status.state != SessionState::Running {
            return Ok(Stage::NotRunning);
        }
        if !status.ours {
            return Ok(Stage::LeftAlone);
        }
        board.reach(name, Stage::Stopping, &[]);
        let place = Filter { backend: Some(status.backend), location: Some(status.location) };
        let outcome = self.stop(name, &place, options.stop)?;
        Ok(Stage::Stopped(Box::new(outcome.status)))
    }
}
