//! The real `kst`, run as a person runs it, on the real engines.
//!
//! Each test makes a [`support::World`]: a home, a working directory and engines of its own, so
//! that tests run side by side and never touch what else runs on the machine. An engine that is
//! not here makes a test say so loudly and pass, or fail where `CI=true`. `tests/engines.sh up`
//! brings docker and podman.

mod support;

mod approvals_kept;
mod attach;
mod audit;
mod bad_cache;
mod bad_days;
mod bad_engines;
mod bad_input;
mod bad_plugins;
mod chosen;
mod clock;
mod completions;
mod config;
mod container;
mod doctor;
mod events;
mod follow;
mod full_logs;
mod harness;
mod installed;
mod interrupted;
mod kept_logs;
mod killed;
mod killed_starts;
mod library;
mod library_ops;
mod log_times;
mod man;
mod other_users;
mod python;
mod restart;
mod restart_policy;
mod screen;
mod send;
mod several;
mod signal;
mod soak;
mod status;
mod stop_signal;
mod sufferings;
mod tmux;
mod tmux_crowd;
mod tmux_foreign;
mod tmux_trouble;
mod together;
mod told;
mod trust;
mod truth;
mod wait;
