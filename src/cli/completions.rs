//! `authledger completions`: completions for a shell.

use super::{Exit, Failure, say};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// For which shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self, command: &mut clap::Command) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "authledger", &mut script);
        say(String::from_utf8_lossy(&script).trim_end()).map(|()| Exit::Done)
    }
}
